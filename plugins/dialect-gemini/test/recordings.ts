import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FIXTURES } from '../../../test/recorded.ts'

const folder = join(FIXTURES, 'gemini')

/** Whether there are recordings. */
export const present = existsSync(folder)

/** Stands in the names of tests that cannot run. */
export const note = present ? '' : ` (skipped: no recordings at CCR_FIXTURES, ${FIXTURES})`

/** One recorded answer. */
export interface Recording {
  readonly name: string
  readonly status: number
  /** How it was recorded: events, a list of them in one JSON text, or a whole answer. */
  readonly form: 'events' | 'list' | 'whole'
  /** As events, which is how the official SDK takes streams. */
  readonly sse: Buffer
  /** Parsed, where it is JSON. */
  readonly json: unknown
}

/** Every recorded answer of this API, Vertex included. */
export function recordings(): readonly Recording[] {
  if (!present) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.response\.(?:sse|json)$|^[^/]*\.(?:json|chunks\.txt)$/.test(name))
    .sort()
    .map(read)
}

function read(name: string): Recording {
  const text = readFileSync(join(folder, name), 'utf8')
  const meta = join(folder, name.replace(/\.response\.\w+$/, '.meta.json'))
  const hasMeta = name.includes('.response.') && existsSync(meta)
  const status = hasMeta ? (JSON.parse(readFileSync(meta, 'utf8')) as { status: number }).status : 200
  if (name.endsWith('.sse')) return { name, status, form: 'events', sse: Buffer.from(text), json: undefined }
  if (name.endsWith('.txt')) {
    const lines = text.split('\n').filter((line) => line.trim() !== '')
    return { name, status, form: 'events', sse: frames(lines), json: undefined }
  }
  const json = JSON.parse(text) as unknown
  if (!Array.isArray(json)) {
    const code = (json as { error?: { code?: number } }).error?.code
    return { name, status: code ?? status, form: 'whole', sse: frames([JSON.stringify(json)]), json }
  }
  return { name, status, form: 'list', sse: frames(json.map((event) => JSON.stringify(event))), json }
}

function frames(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `data: ${line}\r\n\r\n`).join(''))
}
