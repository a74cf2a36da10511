import { createAccumulator, type Attempt, type CanonicalEvent } from '@ccr/sdk'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createDecoder, type WireEvent } from './decoder.ts'
import { createEncoder } from './encoder.ts'
import { createPassthrough } from './passthrough.ts'
import { createReader } from './reader.ts'
import { target } from './target.ts'

const root = process.env['CCR_FIXTURES'] ?? fileURLToPath(new URL('../../../../shared/fixtures', import.meta.url))
const present = existsSync(join(root, 'anthropic'))
const note = present ? '' : ` (skipped: no recordings at CCR_FIXTURES, ${root})`
const attempt = { exchange: { newId: (prefix: string) => prefix }, target: { model: 'm' } } as unknown as Attempt

function find(pattern: RegExp): string[] {
  if (!present) return []
  const folders = ['anthropic', 'llama-server']
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
    )
    .filter((file) => pattern.test(file))
    .sort()
}

/** The bytes of a recorded stream. A list of data becomes frames, those of its first answer. */
function bytesOf(file: string): Buffer {
  const text = readFileSync(join(root, file), 'utf8').trimEnd()
  if (!file.endsWith('.chunks.txt')) return Buffer.from(`${text}\n\n`)
  const all = text.split('\n').filter((line) => line.trim() !== '')
  const lines = all.slice(0, all.findIndex((line) => line.includes('"message_stop"')) + 1)
  return Buffer.from(
    lines.map((line) => `event: ${(JSON.parse(line) as CanonicalEvent).type}\ndata: ${line}\n\n`).join(''),
  )
}

function decode(reads: readonly Buffer[]): CanonicalEvent[] {
  const reader = createReader()
  const decoder = createDecoder()
  const events: CanonicalEvent[] = []
  const take = (event: WireEvent): void => void decoder.chunk(event, (one) => events.push(one))
  for (const read of reads) reader.push(read, take)
  reader.end(take)
  void decoder.flush?.(() => undefined)
  return events
}

function pass(reads: readonly Buffer[]): { bytes: Buffer; events: CanonicalEvent[] } {
  const reader = createPassthrough(new Set())
  const parts = [...reads.map((read) => reader.push(read)), reader.end()]
  return { bytes: Buffer.concat(parts.map((part) => part.bytes)), events: parts.flatMap((part) => part.events) }
}

const ofSize = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))

const streams = find(/^anthropic\/.*\.(sse|txt)$|messages-stream\.response\.sse$/)

describe.skipIf(!present)(`recorded streams${note}`, { timeout: 30_000 }, () => {
  it('are there', () => {
    expect(streams.length).toBeGreaterThan(20)
  })

  it.each(streams)('%s is read, encoded and read again', (file) => {
    const bytes = bytesOf(file)
    const events = decode([bytes])
    expect(events[0]?.type).toBe('message_start')
    expect(events.at(-1)?.type).toBe('message_stop')
    expect(decode([Buffer.from(createEncoder().events(events))])).toEqual(events)
    for (const size of [1, 7, 1000]) expect(decode(ofSize(bytes, size))).toEqual(events)
  })

  it.each(streams)('%s passes with the same bytes and the same skeletons', (file) => {
    const bytes = bytesOf(file)
    const whole = pass([bytes])
    expect(whole.bytes.equals(bytes)).toBe(true)
    const skeletons = decode([bytes]).map((event) => ({
      type: event.type,
      ...('index' in event ? { index: event.index } : {}),
      ...(event.type === 'content_block_start' ? { content_block: { type: event.content_block.type } } : {}),
      ...(event.type === 'content_block_delta' ? { delta: { type: event.delta.type } } : {}),
    }))
    expect(whole.events).toMatchObject(skeletons)
    expect(whole.events).toHaveLength(skeletons.length)
    for (const size of [1, 7, 1000]) expect(pass(ofSize(bytes, size))).toEqual(whole)
  })
})

const answers = find(/^anthropic\/(.*\.response|[^/]*)\.json$|[a-z]-messages\.response\.json$/).filter(
  (file) => !JSON.stringify(jsonOf(file)).startsWith('{"input_tokens"'),
)

function jsonOf(file: string): unknown {
  return JSON.parse(readFileSync(join(root, file), 'utf8'))
}

describe.skipIf(!present)(`recorded answers${note}`, () => {
  it.each(answers)('%s is read', (file) => {
    const answer = jsonOf(file) as object
    if ('error' in answer) {
      expect(target.error(answer)?.message).toMatch(/./)
      expect(() => target.explode(answer, attempt)).toThrow(expect.objectContaining({ code: 'CCR_STREAM_ERROR' }))
      return
    }
    const accumulator = createAccumulator()
    for (const event of target.explode(answer, attempt)) accumulator.push(event as CanonicalEvent)
    expect(accumulator.message()).toMatchObject(answer)
  })
})
