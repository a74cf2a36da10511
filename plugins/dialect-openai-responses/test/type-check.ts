import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/**
 * Whether values fit a type of the official SDK, by the TypeScript compiler: they are written as literals into one file
 * that exists only in memory, so all of them cost one program. Gives what the compiler says against them.
 */
export function checkAgainst(type: string, from: string, values: readonly unknown[]): readonly string[] {
  const file = fileURLToPath(new URL('./literals.ts', import.meta.url))
  const literals = values.map((value, index) => `export const value${index}: ${type} = ${JSON.stringify(value)}`)
  const text = [`import type { ${type} } from '${from}'`, ...literals].join('\n')
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (path) => path === file || fileExists(path)
  host.readFile = (path) => (path === file ? text : readFile(path))
  host.getSourceFile = (path, version, ...rest) =>
    path === file ? ts.createSourceFile(path, text, version) : getSourceFile(path, version, ...rest)
  const program = ts.createProgram([file], options, host)
  const found = [...program.getSyntacticDiagnostics(), ...program.getSemanticDiagnostics(program.getSourceFile(file))]
  return found.map((one) => {
    const line = one.file && one.start !== undefined ? one.file.getLineAndCharacterOfPosition(one.start).line : 0
    return `${line}: ${ts.flattenDiagnosticMessageText(one.messageText, ' ')}`
  })
}

/** Longest string that may be a word of a type. */
const WORD = 40

/** A value reduced to what its type depends on: long texts become one letter, equal elements of lists one. */
export function shapeOf(value: unknown): unknown {
  if (typeof value === 'string') return value.length > WORD ? 'x' : value
  if (Array.isArray(value)) {
    const shapes = new Map<string, unknown>()
    for (const inner of value) {
      const shape = shapeOf(inner)
      shapes.set(JSON.stringify(shape), shape)
    }
    return [...shapes.values()]
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === 'parameters' || key === 'schema' ? {} : shapeOf(inner)]),
  )
}
