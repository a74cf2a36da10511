import { describe, expect, it } from 'vitest'
import type { TargetDialect } from '../dialect.ts'
import type { Attempt } from '../exchange.ts'
import { AnswerHead, explodeAnswer } from './whole-answer.ts'

const stream = 'data: {"a":1}\n\ndata: {"b":2}\n\n'
const asked: string[] = []
const dialect = {
  explode: (answer: unknown) => [{ exploded: answer }],
  reader: (type: string) => {
    asked.push(type)
    return {
      push: (bytes: Uint8Array, emit: (event: unknown) => void) => emit(Buffer.from(bytes).toString()),
      end: (emit: (event: unknown) => void) => emit('end'),
    }
  },
} as unknown as TargetDialect

const explode = (text: string, headers: Record<string, string> = {}, of = dialect, describeIt?: () => string) =>
  explodeAnswer(text, { status: 200, headers }, of, {} as Attempt, describeIt)

describe('a whole answer', () => {
  it('is JSON, also behind a byte order mark, which is none of JSON', () => {
    expect(explode(' {"a":1}')).toEqual({ events: [{ exploded: { a: 1 } }], json: true })
    expect(explode('\ufeff{"a":1}')).toEqual({ events: [{ exploded: { a: 1 } }], json: false })
  })

  it('in a form that the dialect does not know is the one event that it is, for stages that may know it', () => {
    const refusing = { ...dialect, explode: () => { throw new Error('unknown') } } // prettier-ignore
    const of = (text: string, isForeign: boolean) =>
      explodeAnswer(text, { status: 200, headers: {} }, refusing, {} as Attempt, undefined, isForeign)
    expect(of('{"a":1}', true)).toEqual({ events: [{ a: 1 }], json: true })
    for (const [text, isForeign] of [
      ['{"a":1}', false],
      ['[1]', true],
      ['null', true],
    ] as const)
      // prettier-ignore
      expect(() => of(text, isForeign)).toThrow('unknown')
  })

  it.each([stream, `\n${stream}`, `event: a\n${stream}`, `: hello\n${stream}`])(
    'is a stream by its words: %j',
    (text) => {
      asked.length = 0
      expect(explode(text)).toEqual({ events: [text, 'end'], json: false })
      expect(asked).toEqual(['text/event-stream'])
    },
  )

  it.each<[string, Record<string, string>, string]>([
    [' \n', {}, 'its answer (status 200) is empty'],
    ['<html>', {}, 'its answer (status 200, no content type) is neither JSON nor an event stream'],
    [
      'a data: 1',
      { 'content-type': 'text/html; charset=utf-8' },
      'its answer (status 200, text/html) is neither JSON nor an event stream',
    ],
    ['['.repeat(100_000), {}, 'its answer is nested too deep or holds too many values; it was given up'],
  ])('%.20j is neither', (text, headers, message) => {
    const fault = { code: 'CCR_STREAM_INVALID', message }
    expect(() => explode(text, headers)).toThrow(expect.objectContaining(fault))
    if (text.length > 100) return
    const described = { ...fault, message: `${message} from here` }
    expect(() => explode(text, headers, dialect, () => 'from here')).toThrow(expect.objectContaining(described))
  })

  it('is no stream for a dialect that reads none', () => {
    const none = { ...dialect, reader: () => undefined } as unknown as TargetDialect
    expect(() => explode(stream, {}, none)).toThrow('is neither JSON nor an event stream')
  })
})

describe('the head of what is called a stream', () => {
  const headOf = (...parts: readonly (string | Uint8Array)[]): AnswerHead => {
    const head = new AnswerHead()
    for (const part of parts) head.add(Buffer.from(part as string))
    return head
  }

  it('is a whole answer where it begins as no stream does, wherever its characters are cut', () => {
    const bytes = Buffer.from('{"ä":1}')
    expect(headOf(bytes.subarray(0, 3), bytes.subarray(3)).toText()).toBe('{"ä":1}')
    expect(headOf().toText()).toBe('')
    expect(headOf('data', ': 1').toText()).toBeUndefined()
  })

  it('is none once an event has come, or when it is too long', () => {
    const head = headOf('{}')
    head.drop()
    head.add(Buffer.from('{}'))
    expect(head.toText()).toBeUndefined()
    const half = Buffer.alloc(512 * 1024, 'x')
    expect(headOf(half, half).toText()).toHaveLength(1024 * 1024)
    expect(headOf(half, half, 'x').toText()).toBeUndefined()
    expect(headOf(half, half, 'x', '{}').toText()).toBeUndefined()
  })
})
