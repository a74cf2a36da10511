import { stat } from 'node:fs/promises'
import { dirname, extname, join, resolve } from 'node:path'
import { CcrError, isCcrError, messageOf } from '@ccr/sdk'
import type { Location, Message, Note } from 'esbuild'
import { isBuildFailure, runBuild } from './build-service.ts'
import { followDependencies, packageName } from './dependencies.ts'

/** A plugin's own code in one CommonJS text. */
export interface Bundle {
  readonly file: string
  readonly code: string
  /** What the code requires of the kernel: `@ccr/sdk`, `typebox` and their subpaths. */
  readonly injected: readonly string[]
}

/**
 * Bundles a plugin file with its own files; see {@link followDependencies}.
 *
 * @param inputs is given the absolute paths of the files that decide the result, also when it is an error: then with
 *   the files that are missing
 * @throws CcrError `CCR_PLUGIN_LOAD`, with `file:line:column` where the code is at fault
 */
export async function bundlePlugin(path: string, inputs: Set<string>): Promise<Bundle> {
  const file = resolve(path)
  inputs.add(file)
  const stats = await stat(file).catch(() => undefined)
  if (stats === undefined) throw refuse(file, 'does not exist. Correct the path in the config.')
  if (!stats.isFile()) throw refuse(file, 'is not a file. Name the entry file of the plugin.')
  const folder = dirname(file)
  const injected = new Set<string>()
  try {
    const { outputFiles, warnings } = await runBuild({
      entryPoints: [file],
      absWorkingDir: folder,
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      write: false,
      sourcemap: 'inline',
      sourcesContent: false,
      logLevel: 'silent',
      // It would be undefined in the evaluated code, so the fault is told at its place and not where it strikes.
      logOverride: { 'empty-import-meta': 'error' },
      plugins: [followDependencies({ inputs, injected })],
    })
    const unwritten = warnings.find(isOfEmptyFile)
    if (unwritten !== undefined) throw Object.assign(new Error(unwritten.text), { errors: [unwritten], warnings })
    return { file, code: outputFiles[0]?.text ?? '', injected: [...injected].sort() }
  } catch (thrown) {
    const errors = isBuildFailure(thrown) ? thrown.errors : []
    for (const input of (await Promise.all(errors.map((error) => filesOf(error, folder)))).flat()) inputs.add(input)
    throw buildFault(file, folder, thrown, errors[0])
  }
}

/** Something is imported from a file that exports nothing: most likely it is just being saved. */
function isOfEmptyFile({ id, text }: Message): boolean {
  return id === 'import-is-undefined' && text.endsWith('has no exports')
}

/** The files that an error of esbuild names, and those whose arrival would mend it. */
async function filesOf({ text, location, notes }: Message, folder: string): Promise<readonly string[]> {
  const missing = /^Could not resolve "(.+?)"/.exec(text)?.[1]
  const files = await Promise.all([missingFiles(missing, location, folder), ...notes.map(inNote)])
  return files.flat()

  function inNote(note: Note): Promise<readonly string[]> {
    // Where package.json maps a path to a file that is not there.
    return missingFiles(/^The module "(.+?)" was not found/.exec(note.text)?.[1], note.location, folder)
  }
}

async function missingFiles(missing: string | undefined, location: Location | null, folder: string) {
  if (location === null) return []
  const importer = resolve(folder, location.file)
  if (missing === undefined) return [importer]
  if (/^\.{0,2}\//.test(missing)) return [importer, ...spellings(resolve(dirname(importer), missing))]
  const home = await packageFolder(dirname(importer))
  // What is no file may be a package, a subpath of package.json#imports, or an alias of tsconfig.json.
  const settings = [join(home, 'package.json'), join(home, 'tsconfig.json')]
  return [importer, ...settings, join(home, 'node_modules', packageName(missing), 'package.json')]
}

/** What esbuild adds to a path that names no file. */
const EXTENSIONS = ['.tsx', '.ts', '.jsx', '.js', '.json']

/** The files that an import of a path may mean: TypeScript is also imported under the name it is compiled to. */
function spellings(path: string): readonly string[] {
  const extension = extname(path)
  const written = extension.replace('js', 'ts')
  const compiledFrom = written === extension ? [] : [path.slice(0, -extension.length) + written]
  return [path, ...compiledFrom, ...EXTENSIONS.flatMap((one) => [path + one, join(path, `index${one}`)])]
}

/** The nearest folder with a `package.json`, or the folder itself. */
async function packageFolder(from: string): Promise<string> {
  for (let folder = from; ; folder = dirname(folder)) {
    if (await stat(join(folder, 'package.json')).catch(() => undefined)) return folder
    if (dirname(folder) === folder) return from
  }
}

function buildFault(file: string, folder: string, thrown: unknown, message: Message | undefined): CcrError {
  if (message === undefined) {
    const fact = `cannot be built: ${messageOf(thrown)}`
    return refuse(file, isCcrError(thrown) ? fact : `${fact}. Correct the plugin.`, thrown)
  }
  const { text, location } = message
  const at = location === null ? file : `${resolve(folder, location.file)}:${location.line}:${columnOf(location)}`
  return refuse(at, `cannot be built: ${text.replace(/\.$/, '')}. ${remedy(text)}`, thrown)
}

/** esbuild counts bytes, editors and stack traces count characters. */
function columnOf({ lineText, column }: Location): number {
  return Buffer.from(lineText).subarray(0, column).toString().length + 1
}

function remedy(text: string): string {
  if (text.includes('Top-level await')) return 'Move the await into activate().'
  if (text.includes('import.meta')) return 'A plugin is evaluated as one CommonJS text: import the file instead.'
  if (text.startsWith('Could not resolve')) return 'Install the package beside the plugin, or correct the path.'
  return 'Correct the code; it is loaded again when it changes.'
}

function refuse(at: string, fact: string, cause?: unknown): CcrError {
  return new CcrError('CCR_PLUGIN_LOAD', `${at} ${fact}`, { at, cause })
}
