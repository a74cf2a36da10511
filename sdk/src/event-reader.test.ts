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

  it.each([
    ['CCR_STREAM_INVALID', 'in the middle', 'data: {"n":1}\n\ndata: {"n":\n\n'],
    ['CCR_STREAM_ENDED', 'at the end, cut off', 'data: {"n":1}\n\ndata: {"n":'],
  ])('fail with %s for what is none %s, after those before it', (code, _where, text) => {
    const reader = createEventReader(read)
    const seen: Seen[] = []
    const run = (): void => {
      reader.push(Buffer.from(text), (event) => void seen.push(event))
      reader.end((event) => void seen.push(event))
    }
    expect(run).toThrow(expect.objectContaining({ code }))
    expect(seen).toEqual([{ n: 1 }])
  })
})
