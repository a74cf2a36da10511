import { createRequire, SourceMap, type SourceMapPayload } from 'node:module'
import { dirname, resolve, sep } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { placeOf } from '@ccr/sdk/kernel'
import { createJiti, type TransformOptions } from 'jiti'
import { nowRuns } from '../load/start-watch.ts'

const require = createRequire(import.meta.url)

/**
 * Evaluates a TypeScript config, with every file of its own that it imports, anew at every call. Its default export may
 * be a promise.
 *
 * @param inputs is given the absolute paths of the files that decide the result, also when it is an error
 * @throws CcrError `CCR_CONFIG_READ` or `CCR_CONFIG_SYNTAX`
 */
export async function evaluateConfig(file: string, inputs: Set<string>): Promise<unknown> {
  const cached = new Set(Object.keys(require.cache))
  const written = new Map<string, Locate>()
  let module: { readonly default?: unknown }
  nowRuns(file)
  try {
    // Not import(): what that takes for a native module stays as it was when it was loaded first.
    module = createLoader(file, inputs, written)(file) as { readonly default?: unknown }
    if (module.default !== undefined) return await module.default
  } catch (thrown) {
    throw fault(file, thrown, written)
  } finally {
    forgetOwnFiles(cached, inputs)
  }
  const message = `${file} has no default export. End it with: export default { … }`
  throw new CcrError('CCR_CONFIG_READ', message, { at: file })
}

/** Gives the place in a file as it was written, from one in what was made of it. */
type Locate = (line: number, column: number) => string | undefined

/** @param written is given, by path, how places are found in each file that is transpiled */
function createLoader(file: string, inputs: Set<string>, written: Map<string, Locate>): (id: string) => unknown {
  const options = { moduleCache: false, fsCache: false }
  const transpiler = createJiti(file, options)
  return createJiti(file, {
    ...options,
    // The default export must be told from its absence.
    interopDefault: false,
    transform: (source: TransformOptions) => {
      const { filename: path = file } = source
      for (const input of filesOf(path, source.source)) inputs.add(input)
      // Whatever map the file has itself leads to another one, which nobody may have.
      const babel = { ...source.babel, sourceFileName: path, sourceMaps: 'inline', inputSourceMap: false }
      const made = transpiler.transform({ ...source, babel, interopDefault: true })
      const end = made.lastIndexOf(MAP)
      if (end >= 0) written.set(path, locatorOf(path, made.slice(end + MAP.length)))
      // What it is wrapped in then stands on a line of its own.
      return { code: `\n${end >= 0 ? made.slice(0, end) : made}` }
    },
  })
}

const MAP = '\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,'

function locatorOf(path: string, map: string): Locate {
  const payload = JSON.parse(Buffer.from(map, 'base64').toString()) as SourceMapPayload
  return (line, column) => {
    const entry = new SourceMap(payload).findEntry(line - 2, column - 1)
    return 'originalLine' in entry ? `${path}:${entry.originalLine + 1}:${entry.originalColumn + 1}` : undefined
  }
}

/** A file and those that it names, of which some may be missing. */
function filesOf(file: string, text: string): readonly string[] {
  const named = [...text.matchAll(/(['"])(\.\.?\/[^'"\n]+)\1/g)].map(([, , path = '']) => resolve(dirname(file), path))
  return [file, ...named.flatMap((path) => [path, ...['.ts', '.js', '.json'].map((extension) => path + extension)])]
}

/** Node caches what needs no transpiling, CommonJS and JSON. */
function forgetOwnFiles(cached: ReadonlySet<string>, inputs: Set<string>): void {
  for (const path of Object.keys(require.cache)) {
    if (cached.has(path) || path.includes(`${sep}node_modules${sep}`)) continue
    inputs.add(path)
    delete require.cache[path]
  }
}

function fault(file: string, thrown: unknown, written: ReadonlyMap<string, Locate>): CcrError {
  const [text = '', unread = ''] = messageOf(thrown)
    .split('\n')
    .map((line) => line.trim())
  // Node names a JSON file that it cannot parse in the text alone.
  const [, json, jsonFact] = /^(.+\.json): (.+)$/.exec(text) ?? []
  const isUnparsed = text.startsWith('ParseError: ')
  const at = json ?? (isUnparsed ? fromOne(unread) : placeIn(thrown, file, written))
  const code = at !== file && /ParseError|SyntaxError/.test(String(thrown)) ? 'CCR_CONFIG_SYNTAX' : 'CCR_CONFIG_READ'
  const remedy = text.startsWith('await is only valid')
    ? 'Write export default followed by a promise instead.'
    : 'Correct the file, or remove it to do without it.'
  return new CcrError(code, `${at}: ${jsonFact ?? text}. ${remedy}`, { at, cause: thrown })
}

/** The parser counts columns from 0. */
function fromOne(place: string): string {
  return place.replace(/\d+$/, (column) => String(Number(column) + 1))
}

function placeIn(thrown: unknown, file: string, written: ReadonlyMap<string, Locate>): string {
  const place = placeOf(thrown, [file, ...written.keys(), dirname(file)])
  const [, path = '', line, column] = /^(.+):(\d+):(\d+)$/.exec(place ?? '') ?? []
  const locate = written.get(path)
  return (locate ? locate(Number(line), Number(column)) : place) ?? file
}
