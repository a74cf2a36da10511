import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import type { CanonicalEvent } from '@ccr/sdk'
import { FIXTURES } from '../../../test/recorded.ts'
import { fakeAttempt, readStream, run, target } from './harness.ts'

/** One recorded answer of a Chat Completions server. */
export interface Recording {
  readonly name: string
  readonly status: number
  /** Of a stream: its bytes; of a list of chunks the bytes that they would have come in. */
  readonly bytes: Buffer
  readonly stream: boolean
}

/** Every recorded answer in the Chat Completions protocol; none, and a message, where the folder is absent. */
export function recordings(): readonly Recording[] {
  const manifest = `${FIXTURES}/MANIFEST.json`
  if (!existsSync(manifest)) {
    console.warn(`recordings are skipped: ${FIXTURES} is absent`)
    return []
  }
  const listed = (JSON.parse(readFileSync(manifest, 'utf8')) as { path: string; api: string }[]).filter(
    ({ api }) => api === 'chat-completions',
  )
  const own = readdirSync(`${FIXTURES}/llama-server`)
    .filter((name) => /-chat.*\.response\.|-err-.*\.response\./.test(name))
    .map((name) => `llama-server/${name}`)
  return [...listed.flatMap(({ path }) => filesOf(path)), ...own].map(read)
}

/** The protocols that were recorded. */
export function protocols(): readonly string[] {
  const listed = JSON.parse(readFileSync(`${FIXTURES}/MANIFEST.json`, 'utf8')) as { readonly api: string }[]
  return [...new Set(listed.map(({ api }) => api))]
}

function filesOf(path: string): readonly string[] {
  if (!statSync(`${FIXTURES}/${path}`).isDirectory()) return [path]
  return readdirSync(`${FIXTURES}/${path}`)
    .filter((name) => /\.response\./.test(name))
    .map((name) => `${path}/${name}`)
}

function read(name: string): Recording {
  const text = readFileSync(`${FIXTURES}/${name}`, 'utf8')
  const bytes = Buffer.from(name.endsWith('.txt') ? framesOf(text) : text)
  return { name, status: statusOf(name, text), bytes, stream: !name.endsWith('.json') }
}

/** Some lists of chunks have lost the end that every such stream has. */
function framesOf(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const ended = lines.at(-1) === '[DONE]'
  return [...lines, ...(ended ? [] : ['[DONE]'])].map((line) => `data: ${line}\n\n`).join('')
}

function statusOf(name: string, text: string): number {
  const meta = `${FIXTURES}/${name.replace(/\.response\..*$/, '.meta.json')}`
  if (name.includes('.response.') && existsSync(meta))
    return (JSON.parse(readFileSync(meta, 'utf8')) as { status: number }).status
  return /^\s*\{\s*"error"/.test(text) ? 400 : 200
}

/** A recorded answer as canonical events. */
export function outcomeOf({ bytes, stream }: Recording): { events: CanonicalEvent[]; fault: unknown } {
  if (stream) return readStream([bytes])
  return run(target.explode(JSON.parse(bytes.toString('utf8')), fakeAttempt()))
}
