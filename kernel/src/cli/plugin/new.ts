import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { findBuiltins, sdkFolder } from '../../load/builtin.ts'
import { codeOf } from '../../load/code-of.ts'
import { PLUGIN_NAME } from '../../load/package.ts'
import { writeManifest } from '../../load/working-copy.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { TEMPLATES, type PluginKind } from './templates.ts'

/** Options of `ccr plugin new`. */
export interface PluginNewOptions {
  readonly transformer?: boolean | undefined
  readonly router?: boolean | undefined
  readonly quota?: boolean | undefined
  /** The folder to create. */
  readonly dir?: string | undefined
}

const LONGEST_NAME = 60

/** `ccr plugin new <name>`: a package that works and passes its own conformance checks, in a folder of its own. */
export async function pluginNew(context: CommandContext, name: string, options: PluginNewOptions): Promise<number> {
  const fault = (await nameFault(name)) ?? kindFault(options)
  if (fault !== undefined) {
    context.complain(`ccr: ${fault}`)
    return EXIT.failed
  }
  const folder = resolve(options.dir ?? name)
  if (await isTaken(folder)) {
    context.complain(`ccr: ${folder} is not empty, and nothing in it is overwritten; choose another with --dir`)
    return EXIT.failed
  }
  const kind = kindOf(options)
  const files = filesOf(name, kind)
  await write(folder, files)
  await writeManifest(folder)
  const place = relative(process.cwd(), folder) || '.'
  context.print(`ccr made ${place}:`)
  for (const file of [...Object.keys(files), 'manifest.json'].sort()) context.print(`  ${file}`)
  context.print(`Next: \`ccr plugin dev ${place}\`, then edit ${join(place, 'src/index.ts')}`)
  return EXIT.ok
}

async function nameFault(name: string): Promise<string | undefined> {
  if (!new RegExp(PLUGIN_NAME).test(name) || name.length > LONGEST_NAME) {
    const remedy = `use lower-case words joined by -, at most ${LONGEST_NAME} characters`
    return `${JSON.stringify(name)} is no name of a plugin; ${remedy}`
  }
  const isTaken = (await findBuiltins()).some((builtin) => builtin.name === name)
  return isTaken ? `a plugin named ${name} comes with the router; choose another name` : undefined
}

function kindFault({ transformer, router, quota }: PluginNewOptions): string | undefined {
  const chosen = [transformer, router, quota].filter((one) => one === true)
  return chosen.length > 1 ? 'a plugin begins as one thing; give one of --transformer, --router and --quota' : undefined
}

function kindOf({ transformer, router, quota }: PluginNewOptions): PluginKind {
  if (transformer) return 'transformer'
  if (router) return 'router'
  return quota ? 'quota' : 'plugin'
}

async function isTaken(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    if (codeOf(thrown) === 'ENOENT') return []
    // A file, or what may not be read, is something.
    return ['?']
  })
  return names.length > 0
}

/** Either all files are there afterwards, or none. */
async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const made = await mkdir(folder, { recursive: true })
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text, { flag: 'wx' })
    }
  } catch (thrown) {
    for (const part of ['src', ...Object.keys(files)]) await rm(join(folder, part), { recursive: true, force: true })
    if (made !== undefined) await rm(made, { recursive: true, force: true })
    throw thrown
  }
}

function filesOf(name: string, kind: PluginKind): Readonly<Record<string, string>> {
  const { index, conformance, does } = TEMPLATES[kind](name)
  const packageName = `ccr-plugin-${name}`
  return {
    'package.json': json({
      name: packageName,
      version: '0.1.0',
      description: does,
      type: 'module',
      keywords: ['ccr-plugin'],
      ccr: './manifest.json',
      exports: './src/index.ts',
      files: ['src', 'manifest.json'],
      peerDependencies: { '@ccr/sdk': '*' },
      // The router brings it, so that nothing has to be installed.
      peerDependenciesMeta: { '@ccr/sdk': { optional: true } },
    }),
    'README.md': readme(name, packageName, does),
    'src/index.ts': index,
    'src/conformance.ts': conformance,
    'tsconfig.json': tsconfig(),
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** For editors alone: the router needs no compiler. Its paths are those of this machine, so that it is not packed. */
function tsconfig(): string {
  const sdk = join(sdkFolder(), 'dist')
  return json({
    compilerOptions: {
      target: 'es2023',
      module: 'nodenext',
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      types: [],
      paths: {
        '@ccr/sdk': [join(sdk, 'index.d.ts')],
        '@ccr/sdk/testing': [join(sdk, 'testing', 'index.d.ts')],
      },
    },
    include: ['src'],
  })
}

function readme(name: string, packageName: string, does: string): string {
  return `# ${name}

${does}

## Use

\`\`\`sh
ccr plugin add ${packageName}
\`\`\`

## Work on it

\`\`\`sh
ccr plugin dev .    # use it in the running router, and again whenever it is saved
ccr plugin test .   # the checks that every plugin passes; writes manifest.json
npm pack            # what \`ccr plugin add\` takes
\`\`\`
`
}
