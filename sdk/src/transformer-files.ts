import { Type } from './typebox/index.ts'

/** One of the files that a section made by {@link transformerFiles} names. */
export interface TransformerFile {
  /** Absolute, below `~/`, or relative to the config file. */
  readonly path: string
  /** Of every use of it; those that stand at a use come over them. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Declares a config section that lists files of transformers. The kernel loads them as it loads `file:` plugins, with
 * whatever adapts them, and lets `transformer.use` name what they declare; a name of theirs comes before the same name
 * of an installed plugin. A file that is named by nobody takes part in nothing.
 *
 * @example
 * config: { transformers: Type.Optional(transformerFiles('Files of transformers.')) }
 */
export function transformerFiles(description: string) {
  const path = { type: 'string', minLength: 1, description: 'Absolute, below `~/`, or relative to the config file.' }
  const options = { type: 'object', description: 'Options of every use; those that stand at a use come over them.' }
  // What else stands there is read by nobody, as it always was.
  const items = { type: 'object', properties: { path, options }, required: ['path'] }
  return Type.Unsafe<readonly TransformerFile[]>({ type: 'array', items, transformerFiles: true, description })
}
