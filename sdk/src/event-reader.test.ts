import { describe, expect, it } from 'vitest'
import { createEventReader } from './event-reader.ts'
import { parseObject } from './message.ts'

type Seen = { readonly [key: string]: unknown }
const read = (text: string, name: string | undefined): Seen | undefined => {
  const value = parseObject(text)
  return value && name !== undefined ? { ...value, name } : value
}

/** All events of a stream, whose last frame may lack its end. */
function eventsOf(text: string, done?: Seen): readonly Seen[] {
  const reader = createEventReader(read, done)
  const seen: Seen[] = []
  reader.push(Buffer.from(text), (event) => void seen.push(event))
  reader.end((event) => void seen.push(event))
  return seen
}

describe('server-sent events of JSON', () => {
  it('are read with their names, the last one without its end too', () => {
    expect(eventsOf('event: a\ndata:  {"n":1} \n\ndata: {"n":2}')).toEqual([{ n: 1, name: 'a' }, { n: 2 }])
  })

  it('are not the empty ones, and the closing marker only where an event stands for it', () => {
    const text = 'data: {"n":1}\n\ndata:\n\ndata:  \n\ndata: [DONE]\n\n'
    expect(eventsOf(text)).toEqual([{ n: 1 }])
    expect(eventsOf(text, { done: true })).toEqual([{ n: 1 }, { done: true }])
  })

  it('fail for what is none in the middle, after those before it', () => {
    const reader = createEventReader(read)
    const seen: Seen[] = []
    const run = (): void =>
      reader.push(Buffer.from('data: {"n":1}\n\ndata: {"n":\n\n'), (event) => void seen.push(event))
    expect(run).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
    expect(seen).toEqual([{ n: 1 }])
  })

  it.each(['data: {"n":', 'data: [DON', 'data: {"n":2}\n'])('are those before one that was cut off: %j', (half) => {
    expect(eventsOf(`data: {"n":1}\n\n${half}`)).toEqual(half.endsWith('\n') ? [{ n: 1 }, { n: 2 }] : [{ n: 1 }])
  })
})
