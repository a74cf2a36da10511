import { MAX_HELD } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { hear, ItemQueue, unheard } from './item-queue.ts'
import type { ResponsesEvent } from './wire.ts'

const event = (fields: object): ResponsesEvent => fields as ResponsesEvent
const opened = (queue: ItemQueue, id: string, output_index?: number, type = 'message') =>
  queue.open(event({ item: { id, type }, output_index }))

describe('the items of an answer', () => {
  it('are written one whole after the other, in the order in which they were announced', () => {
    const queue = new ItemQueue()
    const written: string[] = []
    const say = (item: ReturnType<typeof opened>, text: string): void =>
      queue.write(item, 1, () => void written.push(text))
    expect(queue.any).toBe(false)
    const [first, second, third] = ['a', 'b', 'c'].map((id, at) => opened(queue, id, at))
    expect(queue.any).toBe(true)
    say(third!, 'c1')
    say(second!, 'b1')
    say(first!, 'a1')
    queue.finish(second!)
    expect(written).toEqual(['a1'])
    queue.finish(first!)
    expect(written).toEqual(['a1', 'b1', 'c1'])
    say(third!, 'c2')
    const last = opened(queue, 'd', 3)
    say(last, 'd1')
    expect(written.slice(3)).toEqual(['c2'])
    queue.end()
    queue.end()
    expect(written.slice(4)).toEqual(['d1'])
  })

  it('that have no number never wait', () => {
    const queue = new ItemQueue()
    const written: string[] = []
    const numbered = [opened(queue, 'a', 0), opened(queue, 'b', 1)]
    queue.write(numbered[1]!, 1, () => void written.push('b'))
    queue.write(opened(queue, 'c'), 1, () => void written.push('c'))
    expect(written).toEqual(['b', 'c'])
  })

  it('are found by their id, their number, or as the last', () => {
    const queue = new ItemQueue()
    const [a, b] = [opened(queue, 'a', 0), opened(queue, 'b', 1)]
    expect(opened(queue, 'a', 5)).toBe(a)
    expect(queue.open(event({ item: {}, item_id: 'b' }))).toBe(b)
    expect(queue.find(event({ item_id: 'a', output_index: 1 }))).toBe(a)
    expect(queue.find(event({ item_id: 'changed', output_index: 1 }))).toBe(b)
    expect(queue.find(event({ item_id: '', item: { id: 'a' } }))).toBe(a)
    expect(queue.find(event({}))).toBe(b)
    expect(queue.find(event({ item_id: 'unknown' }))).toBeUndefined()
    expect(queue.find(event({ output_index: 7 }))).toBeUndefined()
    const [nameless, another] = [queue.open(event({ item: {} })), queue.open(event({ item: {} }))]
    expect(nameless).not.toBe(another)
    expect(queue.find(event({}))).toBe(another)
    expect(new Set([a, b, nameless, another].map(({ key }) => key)).size).toBe(4)
  })

  it.each([
    ['message', 'message'],
    ['reasoning', 'reasoning'],
    ['function_call', 'call'],
    ['custom_tool_call', 'custom'],
    ['web_search_call', 'search'],
    ['later', 'other'],
    [undefined, 'other'],
  ])('of type %s are of kind %s', (type, kind) => {
    const queue = new ItemQueue()
    expect(queue.open(event({ item: { type } })).kind).toBe(kind)
    expect(queue.open(event({ item: { type } }), 'call').kind).toBe('call')
  })

  it('are bounded, while they wait, and in their number', () => {
    const limit = expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }) as Error
    const queue = new ItemQueue()
    const [first, second] = [opened(queue, 'a', 0), opened(queue, 'b', 1)]
    const nothing = (): void => undefined
    for (let turn = 0; turn < 4; turn++) queue.write(first, MAX_HELD, nothing)
    for (let turn = 0; turn < 7; turn++) queue.write(second, MAX_HELD / 8, nothing)
    expect(() => queue.write(second, MAX_HELD / 8, nothing)).toThrow(limit)
    const released = new ItemQueue()
    for (let at = 0; at < 9; at++) {
      const items = [opened(released, `a${at}`, 2 * at), opened(released, `b${at}`, 2 * at + 1)]
      released.write(items[1]!, MAX_HELD / 2, nothing)
      for (const item of items) released.finish(item)
    }
    const many = new ItemQueue()
    const open = (): void => {
      for (let at = 0; at <= MAX_HELD / 32; at++) many.open(event({ item: {}, output_index: at }))
    }
    expect(open).toThrow(limit)
    expect(() => opened(new ItemQueue(), 'x'.repeat(MAX_HELD), 0)).toThrow(limit)
  })
})

describe('a part that is said again', () => {
  const heard = (...texts: readonly string[]): ReturnType<typeof opened> => {
    const item = opened(new ItemQueue(), 'a', 0)
    for (const text of texts) hear(item, 'p', text)
    return item
  }
  const long = 'abc'.repeat(50)

  it.each<[string, readonly string[], string, string]>([
    ['all of it where nothing came', [], 'whole', 'whole'],
    ['nothing where all of it came', ['wh', 'ole'], 'whole', ''],
    ['what is missing', ['wh', 'o'], 'whole', 'le'],
    ['what is missing of a long one', [long, 'd'], `${long}de`, 'e'],
    ['what is missing behind a long one', ['d', long], `d${long}e`, 'e'],
    ['nothing where something else came', ['wx'], 'whole', ''],
    ['nothing where more came', ['whole of it'], 'whole', ''],
  ])('says %s', (_name, came, whole, rest) => {
    expect(unheard(heard(...came), 'p', whole)).toBe(rest)
    expect(unheard(heard(...came), 'other', whole)).toBe(whole)
  })

  it('is remembered by no more than its end', () => {
    const { parts } = heard(long, 'd'.repeat(10), 'e')
    expect(parts.get('p')).toEqual({ length: 161, tail: `${long}${'d'.repeat(10)}e`.slice(-64) })
  })
})
