import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccumulator, type CanonicalEvent, type CanonicalMessage } from '@ccr/sdk'
import { FIXTURES } from '../../../test/recorded.ts'
import { createDecoder, type WireEvent } from '../src/decoder.ts'
import { createPassthrough } from '../src/passthrough.ts'
import { createReader } from '../src/reader.ts'

/** Whether the recordings are on this machine. */
export const present = existsSync(join(FIXTURES, 'anthropic'))

/** Says why tests of recordings are skipped. */
export const note = present ? '' : ` (skipped: no recordings at CCR_FIXTURES, ${FIXTURES})`

/** One recorded stream, from its `message_start` to its last event. */
export interface RecordedStream {
  readonly name: string
  readonly bytes: Buffer
}

/** Every recorded stream of a Messages endpoint; what holds several answers one after the other is split. */
export function recordedStreams(): readonly RecordedStream[] {
  return find(/^anthropic\/.*\.(sse|txt)$|messages-stream\.response\.sse$/).flatMap((file) => {
    const text = readFileSync(join(FIXTURES, file), 'utf8').trimEnd()
    const frames = file.endsWith('.chunks.txt') ? framesOf(text) : text.split(/\n\n+/).map((frame) => `${frame}\n\n`)
    const answers = frames.join('').split(/(?=event: message_start\n)/)
    const name = (index: number): string => (answers.length === 1 ? file : `${file} #${index + 1}`)
    return answers.map((answer, index) => ({ name: name(index), bytes: Buffer.from(answer) }))
  })
}

/** Every recorded answer that is no stream, but for those of count_tokens. */
export function recordedAnswers(): readonly { readonly name: string; readonly answer: object }[] {
  return find(/^anthropic\/(.*\.response|[^/]*)\.json$|[a-z]-messages\.response\.json$/)
    .map((name) => ({ name, answer: JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')) as object }))
    .filter(({ answer }) => !('input_tokens' in answer))
}

/** Every identifier is the same. */
export const newId = (prefix: string): string => `${prefix}new`

/** What the target side makes of reads. */
export function decode(reads: readonly Uint8Array[]): CanonicalEvent[] {
  const reader = createReader()
  const decoder = createDecoder(newId)
  const events: CanonicalEvent[] = []
  const take = (event: WireEvent): void => void decoder.chunk(event, (one) => events.push(one))
  for (const read of reads) reader.push(read, take)
  reader.end(take)
  void decoder.flush?.(() => undefined)
  return events
}

/** What the passthrough makes of reads. */
export function pass(reads: readonly Uint8Array[]): { bytes: Buffer; events: CanonicalEvent[] } {
  const reader = createPassthrough(new Set(), undefined, newId)
  const parts = [...reads.map((read) => reader.push(read)), reader.end()]
  return { bytes: Buffer.concat(parts.map((part) => part.bytes)), events: parts.flatMap((part) => part.events) }
}

/** The whole answer that events make. */
export function accumulate(events: readonly CanonicalEvent[]): CanonicalMessage {
  const accumulator = createAccumulator()
  for (const event of events) accumulator.push(event)
  const message = accumulator.message()
  if (!message) throw new Error('the events hold no message')
  return message
}

function find(pattern: RegExp): string[] {
  if (!present) return []
  return ['anthropic', 'llama-server']
    .flatMap((folder) =>
      readdirSync(join(FIXTURES, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
    )
    .filter((file) => pattern.test(file))
    .sort()
}

/** A list of data as frames. */
function framesOf(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line) => `event: ${(JSON.parse(line) as CanonicalEvent).type}\ndata: ${line}\n\n`)
}
