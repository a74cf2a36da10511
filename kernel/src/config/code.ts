import { createRequire } from 'node:module'
import { dirname, resolve, sep } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { createJiti, type TransformOptions } from 'jiti'
import { codeOf } from '../load/code-of.ts'

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
  let module: { readonly default?: unknown }
  try {
    // Not import(): what that takes for a native module stays as it was when it was loaded first.
    module = createLoader(file, inputs)(file) as { readonly default?: unknown }
    if (module.default !== undefined) return await module.default
  } catch (thrown) {
    throw fault(file, thrown)
  } finally {
    forgetOwnFiles(cached, inputs)
  }
  const message = `${file} has no default export. End it with: export default { … }`
  throw new CcrError('CCR_CONFIG_READ', message, { at: file })
}

function createLoader(file: string, inputs: Set<string>): (id: string) => unknown {
  const options = { moduleCache: false, fsCache: false }
  const transpiler = createJiti(file, options)
  return createJiti(file, {
    ...options,
    // The default export must be told from its absence.
    interopDefault: false,
    transform: (source: TransformOptions) => {
      if (source.filename !== undefined) for (const input of filesOf(source.filename, source.source)) inputs.add(input)
      return { code: transpiler.transform({ ...source, interopDefault: true }) }
    },
  })
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

function fault(file: string, thrown: unknown): CcrError {
  const text = messageOf(thrown).split('\n')[0]?.trim() ?? ''
  // Node names a JSON file that it cannot parse in the text alone.
  const [, json, jsonFact] = /^(.+\.json): (.+)$/.exec(text) ?? []
  const missing = codeOf(thrown) === 'MODULE_NOT_FOUND'
  // A missing module is reported at a place in the transpiled text.
  const at = json ?? (missing ? file : placeIn(file, thrown))
  const code = at !== file && /ParseError|SyntaxError/.test(String(thrown)) ? 'CCR_CONFIG_SYNTAX' : 'CCR_CONFIG_READ'
  const remedy = text.startsWith('await is only valid')
    ? 'Write export default followed by a promise instead.'
    : 'Correct the file, or remove it to do without it.'
  return new CcrError(code, `${at}: ${jsonFact ?? text}. ${remedy}`, { at, cause: thrown })
}

function placeIn(file: string, thrown: unknown): string {
  const stack = thrown instanceof Error ? `${thrown.message}\n${thrown.stack}` : ''
  const start = stack.indexOf(`${file}:`)
  const position = start < 0 ? null : /^:(\d+):(\d+)/.exec(stack.slice(start + file.length))
  return position === null ? file : `${file}${position[0]}`
}
