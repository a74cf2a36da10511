import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { create } from 'tar'

/** A package whose plugin answers `GET /<plugin>` with a text. */
export interface PackageDraft {
  /** Name of the package; that of the plugin follows from it. */
  readonly name: string
  readonly version?: string | undefined
  /** What the plugin answers. */
  readonly says?: string | undefined
  readonly hooks?: readonly string[] | undefined
  readonly capabilities?: readonly string[] | undefined
  /** Members of package.json beside the usual ones. */
  readonly more?: object | undefined
  /** Members of the manifest beside the usual ones. */
  readonly manifest?: object | undefined
  /** Statements of `activate`. */
  readonly activate?: string | undefined
  /** Statements before the plugin, such as imports. */
  readonly head?: string | undefined
  /** Further files by path. */
  readonly files?: Readonly<Record<string, string>> | undefined
}

/** The name of the plugin in a package. */
export function pluginIn({ name }: PackageDraft): string {
  return name.replace(/^.*\//, '').replace(/^ccr-plugin-/, '')
}

/** A statement of `activate`: `GET /<path>` answers the value of an expression. */
export function endpointSaying(path: string, expression: string): string {
  const answer = `respond: () => ({ status: 200, body: ${expression} })`
  return `ctx.endpoint({ method: 'GET', path: '/${path}', access: 'public', ${answer} })`
}

/** The files of a package, by path. */
export function packageFiles(draft: PackageDraft): Readonly<Record<string, string>> {
  const { name, version = '1.0.0', says = version, hooks = [], capabilities = [], head = '' } = draft
  const plugin = pluginIn(draft)
  const { activate = endpointSaying(plugin, JSON.stringify(says)) } = draft
  return {
    'package.json': JSON.stringify({
      name,
      version,
      type: 'module',
      ccr: './dist/manifest.json',
      exports: { '.': { default: './dist/index.js' } },
      peerDependencies: { '@ccr/sdk': '^0.1.0' },
      ...draft.more,
    }),
    'dist/index.js': `import { definePlugin, Type } from '@ccr/sdk'
${head}
export default definePlugin({
  name: '${plugin}', apiVersion: 1, description: 'for a test',
  options: Type.Object({}, { additionalProperties: false }), capabilities: ${JSON.stringify(capabilities)},
  activate(ctx) { ${activate} },
})
`,
    'dist/manifest.json': JSON.stringify({
      name: plugin,
      version,
      apiVersion: 1,
      description: 'for a test',
      transformers: [],
      scope: 'profile',
      provides: [],
      requires: [],
      capabilities,
      hooks,
      endpoints: [],
      dialects: [],
      providers: [],
      optionsSchema: { type: 'object' },
      sections: {},
      ...draft.manifest,
    }),
    ...draft.files,
  }
}

/** Scripts of every kind that npm knows for an installation; each would leave a file. */
export function markerScripts(marker: string): object {
  const names = ['preinstall', 'install', 'postinstall', 'prepublish', 'prepack', 'postpack', 'prepare', 'dependencies']
  return { scripts: Object.fromEntries(names.map((name) => [name, `touch '${marker}'`])) }
}

/** Writes the files of a package into a folder. */
export async function writePackage(folder: string, draft: PackageDraft): Promise<string> {
  for (const [path, text] of Object.entries(packageFiles(draft))) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

/** An archive as npm publishes it. */
export async function packPackage(scratch: string, draft: PackageDraft): Promise<Buffer> {
  const folder = await mkdtemp(join(scratch, 'pack-'))
  await writePackage(join(folder, 'package'), draft)
  const file = join(folder, 'package.tgz')
  await create({ gzip: true, portable: true, cwd: folder, file }, ['package'])
  const bytes = await readFile(file)
  await rm(folder, { recursive: true })
  return bytes
}

/** The integrity of an archive. */
export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`
}
