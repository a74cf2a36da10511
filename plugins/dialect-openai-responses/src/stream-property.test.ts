import { cut } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  codeOf,
  expectValid,
  fakeAttempt,
  messageOf,
  readStream,
  run,
  RUNS,
  FUZZ_TIMEOUT,
  target,
} from '../test/harness.ts'
import {
  added,
  args,
  call,
  completed,
  created,
  done,
  incomplete,
  message,
  reasoning,
  summary,
  text,
} from '../test/wire-events.ts'
import { itemsOf } from './reasoning.ts'
import { fieldsOf, listOf, type Fields, type ResponsesEvent } from './wire.ts'

/** One output item: what it holds, and the events that say it, in order. */
interface Scripted {
  readonly item: (index: number) => Fields
  readonly deltas: (index: number) => readonly ResponsesEvent[]
  readonly kind: 'text' | 'reasoning' | 'call'
}

const prose = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const pieces = (whole: string, cuts: readonly number[]): readonly string[] => {
  const edges = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length]
  return edges.slice(1).map((end, at) => whole.slice(edges[at], end))
}
const cuts = fc.array(fc.nat(), { maxLength: 3 })

const texts: fc.Arbitrary<Scripted> = fc.tuple(prose, cuts, fc.boolean()).map(([whole, at, streamed]) => ({
  kind: 'text',
  item: (index) => message(index, whole),
  deltas: (index) => (streamed ? pieces(whole, at).map((piece) => text(index, piece)) : []),
}))

const thoughts: fc.Arbitrary<Scripted> = fc
  .tuple(fc.array(prose, { maxLength: 3 }), cuts, fc.boolean(), fc.boolean())
  .map(([parts, at, streamed, encrypted]) => ({
    kind: 'reasoning',
    item: (index) => reasoning(index, parts, encrypted ? `secret ${index}` : undefined),
    deltas: (index) =>
      streamed ? parts.flatMap((whole, part) => pieces(whole, at).map((piece) => summary(index, piece, part))) : [],
  }))

const calls: fc.Arbitrary<Scripted> = fc
  .tuple(fc.dictionary(prose, fc.jsonValue({ maxDepth: 2 })), cuts, fc.boolean())
  .map(([input, at, streamed]) => {
    const whole = JSON.stringify(input)
    return {
      kind: 'call',
      item: (index) => call(index, `tool_${index}`, whole),
      deltas: (index) => (streamed ? pieces(whole, at).map((piece) => args(index, piece)) : []),
    }
  })

const noise: readonly ResponsesEvent[] = [
  { type: 'response.in_progress', response: {} },
  { type: 'keepalive', sequence_number: 3 },
  { type: 'response.content_part.added', output_index: 0, content_index: 0, part: {} },
]

interface Script {
  readonly items: readonly Fields[]
  readonly events: readonly ResponsesEvent[]
  readonly usage: Fields
}

/** Items in any interleaving: each keeps its own order, and they are announced in order. */
const scripts: fc.Arbitrary<Script> = fc
  .record({
    scripted: fc.array(fc.oneof(texts, thoughts, calls), { minLength: 1, maxLength: 6 }),
    turns: fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
    cached: fc.nat(50),
    input: fc.integer({ min: 50, max: 100 }),
    finished: fc.boolean(),
  })
  .map(({ scripted, turns, cached, input, finished }) => {
    const items = scripted.map(({ item }, index) => item(index))
    const queues = scripted.map(({ deltas }, index) => {
      const opening = { ...items[index], content: [], summary: [], arguments: '', status: 'in_progress' }
      return [added(index, opening), ...deltas(index), ...(finished ? [done(index, items[index]!)] : [])]
    })
    const events: ResponsesEvent[] = [created]
    let begun = 0
    for (let at = 0; ; at++) {
      const turn = turns[at % turns.length]!
      const open = queues.flatMap((queue, index) => (queue.length > 0 && index <= begun ? [index] : []))
      if (open.length === 0) break
      const chosen = open[turn % open.length]!
      if (chosen === begun) begun++
      events.push(queues[chosen]!.shift()!)
      if (turn % 11 === 0) events.push(noise[turn % noise.length]!)
    }
    const usage = { input_tokens: input, input_tokens_details: { cached_tokens: cached }, output_tokens: 5 }
    return { items, events, usage }
  })

const endOf = ({ items, usage }: Script): ResponsesEvent => completed({ output: items, usage })

/** Every way in which server-sent events may be written. */
const writings = fc.record({
  lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
  space: fc.boolean(),
  named: fc.boolean(),
  mark: fc.boolean(),
  comments: fc.boolean(),
  lines: fc.boolean(),
  unterminated: fc.boolean(),
  offsets: fc.array(fc.nat(), { maxLength: 12 }),
})

type Writing = typeof writings extends fc.Arbitrary<infer T> ? T : never

function bytesOf(events: readonly ResponsesEvent[], writing: Writing): Buffer {
  const data = writing.space ? 'data: ' : 'data:'
  const frames = events.map((event) => {
    const json = JSON.stringify(event, null, writing.lines ? 1 : 0)
    const lines = json.split('\n').map((line) => data + line)
    if (writing.named) lines.unshift(`event: ${String(event.type)}`)
    if (writing.comments) lines.unshift(': a comment')
    return [...lines, '', ''].join(writing.lineEnd)
  })
  const text = (writing.mark ? '\uFEFF' : '') + frames.join('')
  return Buffer.from(writing.unterminated ? text.trimEnd() : text)
}

/** What the items say, in the words of the canonical message. */
function expectConserved(script: Script, events: Parameters<typeof messageOf>[0]): void {
  const { content, usage, stop_reason } = messageOf(events)
  const of = (type: string): readonly Fields[] => content.filter((block) => block.type === type).map(fieldsOf)
  const items = (type: string): readonly Fields[] => script.items.filter((item) => item['type'] === type)
  const parts = (list: unknown): string[] => listOf(list).map((part) => String(fieldsOf(part)['text']))
  expect(
    of('text')
      .map((block) => block['text'])
      .join(''),
  ).toBe(
    items('message')
      .flatMap((item) => parts(item['content']))
      .join(''),
  )
  const shown = items('reasoning')
    .map((item) => parts(item['summary']).join('\n\n'))
    .filter((part) => part !== '')
  expect(
    of('thinking')
      .map((block) => block['thinking'])
      .filter((part) => part !== ''),
  ).toEqual(shown)
  expect(of('thinking').flatMap((block) => itemsOf(block['signature'], 'local'))).toEqual(
    items('reasoning').filter((item) => item['encrypted_content'] !== undefined),
  )
  expect(of('tool_use').map(({ id, name, input }) => ({ id, name, input }))).toEqual(
    items('function_call').map((item) => ({
      id: item['call_id'],
      name: item['name'],
      input: JSON.parse(String(item['arguments'])) as unknown,
    })),
  )
  expect(stop_reason).toBe(items('function_call').length > 0 ? 'tool_use' : 'end_turn')
  const { input_tokens, input_tokens_details } = script.usage
  const cached = Number(fieldsOf(input_tokens_details)['cached_tokens'])
  expect(usage).toMatchObject({
    input_tokens: Math.max(0, Number(input_tokens) - cached),
    cache_read_input_tokens: cached,
    output_tokens: 5,
  })
}

describe('any stream', () => {
  it(
    'rule 82, 83, 106–109 says everything in order, whatever its interleaving, writing and cuts',
    () => {
      fc.assert(
        fc.property(scripts, writings, (script, writing) => {
          const bytes = bytesOf([...script.events, endOf(script)], writing)
          const { events, fault } = readStream(cut(bytes, ...writing.offsets))
          expect(codeOf(fault)).toBeUndefined()
          expectValid(events)
          expectConserved(script, events)
        }),
        { numRuns: RUNS },
      )
    },
    FUZZ_TIMEOUT,
  )

  it(
    'rule 28 says the same as its whole answer',
    () => {
      fc.assert(
        fc.property(scripts, (script) => {
          const attempt = fakeAttempt()
          const whole = { status: 'completed', output: script.items, usage: script.usage }
          const { events, fault } = run(target.explode(whole, attempt), attempt)
          expect(codeOf(fault)).toBeUndefined()
          expectValid(events)
          expectConserved(script, events)
        }),
        { numRuns: RUNS },
      )
    },
    FUZZ_TIMEOUT,
  )

  it(
    'rule 101 ends in an error at every event before its end, and never in message_stop',
    () => {
      fc.assert(
        fc.property(scripts, ({ events }) => {
          const decoder = target.decoder(fakeAttempt())
          const out: Parameters<typeof expectValid>[0][number][] = []
          const emit = (event: (typeof out)[number]): void => void out.push(event)
          for (const event of events) {
            void decoder.chunk(event, emit)
            expect(() => decoder.flush?.(emit)).toThrow(expect.objectContaining({ code: 'CCR_STREAM_ENDED' }))
          }
          expectValid(out, false)
        }),
        { numRuns: RUNS },
      )
    },
    FUZZ_TIMEOUT,
  )

  it(
    'rule 110 that the limit cut anywhere completes no call',
    () => {
      fc.assert(
        fc.property(scripts, fc.nat(), (script, at) => {
          const kept = script.events.slice(0, 1 + (at % script.events.length))
          const { events, fault } = run([...kept, incomplete('max_output_tokens')])
          expect(codeOf(fault)).toBeUndefined()
          expectValid(events)
          const { content, stop_reason } = messageOf(events)
          expect(stop_reason).toBe('max_tokens')
          for (const block of content) {
            if (block.type !== 'tool_use') continue
            const { id, input } = fieldsOf(block)
            const whole = script.items.find((item) => item['call_id'] === id)
            expect(input).toEqual(JSON.parse(String(whole?.['arguments'])))
          }
        }),
        { numRuns: RUNS },
      )
    },
    FUZZ_TIMEOUT,
  )

  it(
    'of any shape is decoded, or refused as the upstream’s fault',
    () => {
      const junk = fc.constantFrom<unknown>(null, true, 1, 'x', '', [], {}, [null], ['x'], { a: [1] })
      const mixed = (fields: readonly string[], inner: fc.Arbitrary<unknown>): fc.Arbitrary<Fields> =>
        fc.record(Object.fromEntries(fields.map((field) => [field, fc.oneof(inner, junk)])), { requiredKeys: [] })
      const item = mixed(
        [
          'type',
          'id',
          'content',
          'summary',
          'call_id',
          'name',
          'arguments',
          'input',
          'action',
          'encrypted_content',
          'status',
        ],
        fc.constantFrom('message', 'reasoning', 'function_call', 'custom_tool_call', 'web_search_call', '{}', '{"a"'),
      )
      const types = [
        ...[
          'created',
          'output_item.added',
          'output_item.done',
          'output_text.delta',
          'output_text.done',
          'refusal.delta',
        ],
        ...['reasoning_summary_text.delta', 'reasoning_text.delta', 'function_call_arguments.delta', 'completed'],
        ...[
          'function_call_arguments.done',
          'custom_tool_call_input.delta',
          'output_text.annotation.added',
          'incomplete',
        ],
      ].map((type) => `response.${type}`)
      const event = fc
        .tuple(
          fc.constantFrom(...types),
          mixed(
            [
              'item',
              'item_id',
              'output_index',
              'content_index',
              'delta',
              'text',
              'arguments',
              'annotation',
              'response',
            ],
            fc.oneof(item, fc.constantFrom('a', 'b', 0, 1)),
          ),
        )
        .map(([type, fields]): ResponsesEvent => ({ ...fields, type }))
      fc.assert(
        fc.property(fc.array(event, { maxLength: 8 }), (events) => {
          const { events: out, fault } = run([...events, completed()])
          expectValid(out, codeOf(fault) === undefined)
        }),
        { numRuns: RUNS },
      )
    },
    FUZZ_TIMEOUT,
  )
})
