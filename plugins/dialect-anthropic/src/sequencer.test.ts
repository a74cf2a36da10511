import type { CanonicalEvent } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { decode, pass } from '../test/recordings.ts'
import { createPassthrough } from './passthrough.ts'

const frame = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
const open = frame('message_start', { message: { id: 'm', content: [], usage: {} } })
const start = (index: number, type: string): string => frame('content_block_start', { index, content_block: { type } })
const delta = (index: number, part: object): string => frame('content_block_delta', { index, delta: part })
const stop = (index: number): string => frame('content_block_stop', { index })
const end = frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage: {} }) + frame('message_stop', {})
const words = { type: 'text_delta', text: 'words' }
const unsigned = { type: 'signature_delta', signature: '' }

const shape = (events: readonly CanonicalEvent[]): string =>
  events.flatMap((event) => ('index' in event ? [`${event.type.slice(14)} ${event.index}`] : [])).join(', ')

describe('blocks that overlap', () => {
  const before = open + start(0, 'thinking') + delta(0, { type: 'thinking_delta', thinking: 'so' })
  const late = before + start(1, 'text') + delta(1, words) + delta(0, unsigned) + stop(0) + stop(1) + end
  const row = before + stop(0) + start(1, 'text') + delta(1, words) + stop(1) + end

  it('stand in a row when decoded', () => {
    expect(decode([Buffer.from(late)])).toEqual(decode([Buffer.from(row)]))
  })

  it('stand in a row when passed on, wherever the bytes are cut', () => {
    const bytes = Buffer.from(late)
    for (let at = 0; at <= bytes.length; at++) {
      const { bytes: out, events } = pass([bytes.subarray(0, at), bytes.subarray(at)])
      expect(out.toString()).toBe(row)
      expect(shape(events)).toBe('start 0, delta 0, stop 0, start 1, delta 1, stop 1')
    }
  })

  it('may be three, and end in any order', () => {
    const three = open + start(0, 'text') + start(1, 'text') + start(2, 'text') + stop(1) + stop(0) + stop(2) + end
    const inRow = 'start 0, stop 0, start 1, stop 1, start 2, stop 2'
    expect(shape(decode([Buffer.from(three)]))).toBe(inRow)
    expect(shape(pass([Buffer.from(three)]).events)).toBe(inRow)
    expect(shape(decode([pass([Buffer.from(three)]).bytes]))).toBe(inRow)
  })

  it.each([
    ['text', words],
    ['a signature', { type: 'signature_delta', signature: 'EpAD' }],
  ])('are left for the validator when %s comes for one that was stopped', (_name, part) => {
    const broken = Buffer.from(before + start(1, 'text') + delta(0, part) + stop(0) + stop(1) + end)
    for (const events of [decode([broken]), pass([broken]).events])
      expect(shape(events)).toBe('start 0, delta 0, stop 0, start 1, delta 0, stop 1')
  })
})

it('tells where each frame ends in what it hands on', () => {
  const text = open + start(0, 'text') + start(1, 'text') + stop(0) + stop(1) + end
  const { bytes, events, ends } = createPassthrough(new Set()).push(Buffer.from(text))
  const frames = ends.map((to, index) => Buffer.from(bytes.subarray(ends[index - 1] ?? 0, to)).toString())
  expect(frames.map((one) => /^event: (\w+)/.exec(one)?.[1])).toEqual(events.map((event) => event.type))
  expect(frames.every((one) => one.endsWith('\n\n'))).toBe(true)
})

describe('a second message_start', () => {
  const again = frame('message_start', { message: { id: 'other', content: [{ type: 'text', text: 'no' }], usage: {} } })
  const once = open + start(0, 'text') + delta(0, words) + stop(0) + end
  const twice = open + again + start(0, 'text') + again + delta(0, words) + stop(0) + end

  it('is left out when decoded', () => {
    expect(decode([Buffer.from(twice)])).toEqual(decode([Buffer.from(once)]))
  })

  it.each(['\n', '\r\n', '\r'])('is left out when passed on, wherever the bytes are cut (%j)', (lineEnd) => {
    const [bytes, kept] = [twice, once].map((text) => Buffer.from(text.replaceAll('\n', lineEnd)))
    const { events } = pass([kept!])
    for (let at = 0; at <= bytes!.length; at++) {
      const passed = pass([bytes!.subarray(0, at), bytes!.subarray(at)])
      expect(passed.bytes).toEqual(kept)
      expect(passed.events).toEqual(events)
    }
  })
})
