import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { CcrError, isCcrError, messageOf } from '@ccr/sdk'
import { cosmiconfig } from 'cosmiconfig'
import JSON5 from 'json5'
import { codeOf } from '../load/code-of.ts'
import { withEnvironment } from './environment.ts'
import type { Environment } from './interpolate.ts'
import { plainData } from './plain-data.ts'
import { createLocator } from './position.ts'

/** One config file, read and parsed. */
export interface ConfigSource {
  readonly file: string
  readonly value: Readonly<Record<string, unknown>>
  /** `file:line:column` of the value at a JSON pointer, or the file alone where the text is code. */
  at(pointer: string): string
}

/** Largest config file that is read, in bytes. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024

/**
 * Reads one file, JSON5 or (for `.ts`) code whose default export is the config. Nothing when it does not exist.
 *
 * @param inputs is given the absolute paths of the files that decide the result, also when it is an error
 * @param options.draft the text that is to stand in the file, read in its place
 * @param options.env what code sees of the environment beyond what this process has left of it
 * @throws CcrError `CCR_CONFIG_READ`, `CCR_CONFIG_SYNTAX`, or `CCR_CONFIG_SCHEMA` when it holds no plain data
 */
export async function readSource(
  file: string,
  inputs: Set<string>,
  { draft, env = {} }: { readonly draft?: string | undefined; readonly env?: Environment | undefined } = {},
): Promise<ConfigSource | undefined> {
  inputs.add(file)
  if (draft !== undefined) return sourceOf(file, parse(file, draft), draft)
  if (!(await isReadable(file))) return undefined
  const isCode = extname(file) === '.ts'
  let text = ''
  const load = isCode
    ? async () => {
        // What transpiles is loaded for those who need it.
        const { evaluateConfig } = await import('./code.ts')
        return { value: await withEnvironment(env, () => evaluateConfig(file, inputs)) }
      }
    : (_: string, content: string) => {
        if (content.includes('\uFFFD') && !isUtf8(readFileSync(file))) throw notText(file)
        text = content
        return { value: parse(file, content) }
      }
  // Only load() is used: a search would run code that it finds in the working directory.
  const explorer = cosmiconfig('ccr', {
    searchStrategy: 'none',
    cache: false,
    loaders: { [extname(file) || 'noExt']: load },
  })
  const result = await explorer.load(file).catch((thrown: unknown) => {
    throw isCcrError(thrown) ? thrown : unreadable(file, messageOf(thrown), thrown)
  })
  if (result === null || result.isEmpty === true) {
    throw new CcrError('CCR_CONFIG_SYNTAX', `${file} is empty. Write {} for an empty config, or delete the file.`, {
      at: `${file}:1:1`,
    })
  }
  return sourceOf(file, (result.config as { readonly value: unknown }).value, isCode ? undefined : text)
}

/**
 * A JSON5 text as if it were read from a file.
 *
 * @throws CcrError `CCR_CONFIG_SYNTAX`, or `CCR_CONFIG_SCHEMA` when it holds no plain data
 */
export function parseSource(file: string, text: string): ConfigSource {
  return sourceOf(file, parse(file, text), text)
}

/** @param text where its values stand; nothing for code */
function sourceOf(file: string, value: unknown, text: string | undefined): ConfigSource {
  const locate = createLocator(text ?? '')
  const at = (pointer: string): string => {
    const position = text === undefined ? undefined : locate(pointer)
    return position === undefined ? file : `${file}:${position.line}:${position.column}`
  }
  return { file, value: plainData(value, at), at }
}

async function isReadable(file: string): Promise<boolean> {
  const stats = await stat(file).catch((thrown: unknown) => {
    // Of a home that is a file, whoever writes into it says so.
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(thrown) ?? '')) return undefined
    throw unreadable(file, messageOf(thrown), thrown)
  })
  if (stats === undefined) return false
  if (!stats.isFile()) throw unreadable(file, 'it is not a regular file')
  if (stats.size > MAX_CONFIG_BYTES) throw unreadable(file, `it is larger than ${MAX_CONFIG_BYTES} bytes`)
  return true
}

function parse(file: string, text: string): unknown {
  if (text.includes('\0')) throw notText(file)
  try {
    return JSON5.parse(text)
  } catch (thrown) {
    const { line, column } = faultPosition(text, thrown as { lineNumber?: number; columnNumber?: number })
    const at = `${file}:${line}:${column}`
    const fact = messageOf(thrown)
      .replace(/^JSON5: /, '')
      .replace(/ at \d+:\d+$/, '')
    const message = `${at}: ${fact}. Correct the JSON5 text there; the file was left as it is.`
    throw new CcrError('CCR_CONFIG_SYNTAX', message, { at, cause: thrown })
  }
}

function notText(file: string): CcrError {
  const message = `${file} is not UTF-8 text. Write the config as JSON5 text in UTF-8.`
  return new CcrError('CCR_CONFIG_SYNTAX', message, { at: `${file}:1:1` })
}

/** A line end inside a string is reported by the parser as column 0 of the line after it. */
function faultPosition(
  text: string,
  { lineNumber = 1, columnNumber = 1 }: { lineNumber?: number; columnNumber?: number },
) {
  if (columnNumber > 0) return { line: lineNumber, column: columnNumber }
  return { line: lineNumber - 1, column: (text.split('\n')[lineNumber - 2]?.length ?? 0) + 1 }
}

function unreadable(file: string, fact: string, cause?: unknown): CcrError {
  return new CcrError('CCR_CONFIG_READ', `${file} cannot be read: ${fact}. Correct the file or its permissions.`, {
    at: file,
    cause,
  })
}
