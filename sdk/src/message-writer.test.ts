import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalEvent } from './canonical.ts'
import { CallArguments } from './kernel/call-arguments.ts'
import { MAX_HELD, MessageWriter, type MessageWriterOptions } from './message-writer.ts'
import { createAccumulator } from './message.ts'
import { isEstimated } from './usage.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)
const LIMITS = { timeout: 30_000 + RUNS * 30 }

function create(options: Partial<MessageWriterOptions> = {}): { writer: MessageWriter; events: CanonicalEvent[] } {
  const events: CanonicalEvent[] = []
  let count = 0
  const writer = new MessageWriter((event) => events.push(event), {
    model: 'm',
    newId: (prefix) => `${prefix}${++count}`,
    ...options,
  })
  return { writer, events }
}

function content(
  write: (writer: MessageWriter) => void,
  reason = 'end_turn',
  options: Partial<MessageWriterOptions> = {},
): readonly unknown[] {
  const { writer, events } = create(options)
  write(writer)
  writer.stop(reason)
  writer.end()
  expectOrder(events)
  const accumulator = createAccumulator()
  for (const event of events) accumulator.push(event)
  return accumulator.message()!.content
}

const DELTAS: Readonly<Record<string, readonly string[]>> = {
  text: ['text_delta', 'citations_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  tool_use: ['input_json_delta'],
  server_tool_use: ['input_json_delta'],
}

/** The order of a whole answer: start, blocks one at a time and without gaps, delta, stop. */
function expectOrder(events: readonly CanonicalEvent[]): void {
  const faults: string[] = []
  let open: string | undefined
  let blocks = 0
  for (const event of events.slice(1, -2)) {
    if (event.type === 'content_block_start') {
      if (open !== undefined || event.index !== blocks) faults.push(`start ${event.index}`)
      open = event.content_block.type
    } else if (event.type === 'content_block_delta') {
      if (event.index !== blocks || !DELTAS[open ?? '']?.includes(event.delta.type))
        faults.push(`${event.delta.type} in ${open}`)
    } else if (event.type === 'content_block_stop') {
      if (open === undefined || event.index !== blocks) faults.push(`stop ${event.index}`)
      open = undefined
      blocks++
    } else faults.push(event.type)
  }
  const frame = [events[0], ...events.slice(-2)].map((event) => event?.type)
  expect({ faults, open, frame }).toEqual({
    faults: [],
    open: undefined,
    frame: ['message_start', 'message_delta', 'message_stop'],
  })
}

/** What the kernel lets out of these events. */
function judge(events: readonly CanonicalEvent[]) {
  const calls = new CallArguments()
  const passed = calls.see(events)
  return { passed, fault: calls.fault }
}

const text = (value: string): object => ({ type: 'text', text: value })
const call = (id: string, name: string, input: object = {}): object => ({ type: 'tool_use', id, name, input })

describe('the order of blocks', () => {
  it.each<readonly [string, (writer: MessageWriter) => void, readonly object[]]>([
    [
      'text behind an incomplete call waits',
      (w) => {
        w.tool('a', { id: 'a', name: 'f', arguments: '{"x"' })
        w.text('t')
        w.text('u')
        w.tool('a', { arguments: ':1}' })
        w.text('v')
      },
      [call('a', 'f', { x: 1 }), text('tuv')],
    ],
    [
      'a call without arguments lets what is behind it out at the end',
      (w) => {
        w.tool('a', { id: 'a', name: 'f' })
        w.text('t')
        w.tool('b', { id: 'b', name: 'f' })
      },
      [call('a', 'f'), text('t'), call('b', 'f')],
    ],
    [
      'a call that is complete before it has a name',
      (w) => {
        w.tool('a', { id: 'a', arguments: '{}' })
        w.text('t')
        w.tool('a', { name: 'f' })
      },
      [call('a', 'f'), text('t')],
    ],
    [
      'white space after complete arguments',
      (w) => {
        w.tool('a', { id: 'a', name: 'f', arguments: '{}' })
        w.text('t')
        w.tool('a', { arguments: ' \n' })
      },
      [call('a', 'f'), text('t')],
    ],
    [
      'brackets and quotes inside strings',
      (w) => {
        w.tool('a', { id: 'a', name: 'f', arguments: '{"x":"}\\"' })
        w.text('t')
        w.tool('a', { arguments: '{"}' })
      },
      [call('a', 'f', { x: '}"{' }), text('t')],
    ],
    [
      'two calls with one id',
      (w) => {
        w.tool('a', { id: 'i', name: 'f', arguments: '{}' })
        w.tool('b', { id: 'i', name: 'g', arguments: '{}' })
      },
      [call('i', 'f'), call('toolu_2', 'g')],
    ],
    [
      'a server tool streams its input',
      (w) => w.block({ type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } }),
      [{ type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } }],
    ],
    [
      'a whole block that is no call keeps its input',
      (w) => w.block({ type: 'odd', input: { query: 'q' } }),
      [{ type: 'odd', input: { query: 'q' } }],
    ],
    [
      'whole blocks behind an incomplete call wait, in order',
      (w) => {
        w.tool('a', { id: 'a', name: 'f', arguments: '{' })
        w.block({ type: 'tool_use', id: 'b', name: 'g', input: { y: 2 } })
        w.text('t')
        w.tool('a', { arguments: '}' })
      },
      [call('a', 'f'), call('b', 'g', { y: 2 }), text('t')],
    ],
    [
      'the first id and a name that is repeated whole, also behind the first argument',
      (w) => {
        w.tool('a', { id: 'a', name: 'get' })
        w.tool('a', { id: 'b', name: '_it' })
        w.tool('a', { id: 'c', name: 'get_it' })
        w.tool('a', { name: 'get_it', arguments: '{"x":1' })
        w.tool('a', { name: 'other', arguments: '}' })
      },
      [call('a', 'get_it', { x: 1 })],
    ],
    ...['', 'a.b', 'ä', 'a b', '.a'].map(
      (id): readonly [string, (writer: MessageWriter) => void, readonly object[]] => [
        `an id that no client takes: '${id}'`,
        (w) => w.tool('a', { id, name: 'f', arguments: '{}' }),
        [call('toolu_2', 'f')],
      ],
    ),
    [
      'nothing is no block',
      (w) => {
        w.text('')
        w.thinking('')
      },
      [],
    ],
  ])('%s', (_what, write, blocks) => {
    expect(content(write)).toEqual(blocks)
  })

  it('is the events of the Messages API, field by field', () => {
    const { writer, events } = create()
    writer.thinking('a')
    writer.text('b')
    writer.citation({ of: 'b' })
    writer.block({ type: 'server_tool_use', id: 's', name: 'g', input: { x: 1 } })
    writer.block({ type: 'tool_use', id: 't', name: 'g', input: { y: 2 } })
    writer.tool('k', { name: 'f' })
    writer.stop('stop_sequence', 'END')
    writer.end()
    const usage = { input_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 }
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [] }
    const thinking = { type: 'thinking', thinking: '', signature: '' }
    const tool = { type: 'tool_use', id: 'toolu_2', name: 'f', input: {} }
    const start = (index: number, content_block: object): object => ({
      type: 'content_block_start',
      index,
      content_block,
    })
    const delta = (index: number, of: object): object => ({ type: 'content_block_delta', index, delta: of })
    expect(events).toEqual([
      { type: 'message_start', message: { ...message, stop_reason: null, stop_sequence: null, usage } },
      start(0, thinking),
      delta(0, { type: 'thinking_delta', thinking: 'a' }),
      { type: 'content_block_stop', index: 0 },
      start(1, { type: 'text', text: '' }),
      delta(1, { type: 'text_delta', text: 'b' }),
      delta(1, { type: 'citations_delta', citation: { of: 'b' } }),
      { type: 'content_block_stop', index: 1 },
      start(2, { type: 'server_tool_use', id: 's', name: 'g', input: {} }),
      delta(2, { type: 'input_json_delta', partial_json: '{"x":1}' }),
      { type: 'content_block_stop', index: 2 },
      start(3, { type: 'tool_use', id: 't', name: 'g', input: {} }),
      delta(3, { type: 'input_json_delta', partial_json: '{"y":2}' }),
      { type: 'content_block_stop', index: 3 },
      start(4, tool),
      delta(4, { type: 'input_json_delta', partial_json: '{}' }),
      { type: 'content_block_stop', index: 4 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' },
        usage: { output_tokens: 0 },
      },
      { type: 'message_stop' },
    ])
  })

  it('streams each fragment of the first call at once', () => {
    const { writer, events } = create()
    writer.tool('a', { id: 'a', name: 'f', arguments: '{"x"' })
    expect(events.at(-1)).toMatchObject({ delta: { partial_json: '{"x"' } })
    writer.tool('a', { arguments: ':1}' })
    expect(events.at(-1)).toMatchObject({ delta: { partial_json: ':1}' } })
  })

  it('knows whether there are calls, and which have all of their arguments', () => {
    const { writer } = create()
    expect(writer.hasCalls).toBe(false)
    writer.tool('a', { name: 'f', arguments: '{"b":' })
    expect([writer.hasCalls, writer.isComplete('a'), writer.isComplete('b')]).toEqual([true, false, false])
    writer.tool('a', { arguments: '1}' })
    expect(writer.isComplete('a')).toBe(true)
  })

  it('lets out what waited as soon as the call is complete', () => {
    const { writer, events } = create()
    writer.tool('a', { id: 'a', name: 'f', arguments: '{' })
    writer.text('t')
    writer.tool('a', { arguments: '}' })
    expect(events.at(-1)).toMatchObject({ delta: { text: 't' } })
  })

  it('signs thinking, keeps a given signature, and begins a new block after one', () => {
    const blocks = content(
      (w) => {
        w.thinking('a')
        w.thinking('b')
        w.signature('given')
        w.thinking('c')
      },
      'end_turn',
      { sign: (thinking) => `signed ${thinking}` },
    )
    expect(blocks).toEqual([
      { type: 'thinking', thinking: 'ab', signature: 'given' },
      { type: 'thinking', thinking: 'c', signature: 'signed c' },
    ])
  })

  it('shows the client its own names of tools', () => {
    expect(
      content((w) => w.tool('a', { id: 'a', name: 'f', arguments: '{}' }), 'tool_use', {
        toolName: (name) => name.toUpperCase(),
      }),
    ).toEqual([call('a', 'F')])
  })

  it('ignores everything after the end', () => {
    const { writer, events } = create()
    writer.stop('end_turn')
    writer.end()
    const before = events.length
    writer.text('t')
    writer.thinking('t')
    writer.citation({})
    writer.signature('s')
    writer.tool('a', { name: 'f', arguments: '{}' })
    writer.block({ type: 'odd' })
    writer.end()
    expect(events).toHaveLength(before)
    expect(events[0]).toMatchObject({ type: 'message_start' })
  })
})

describe.each(['max_tokens', 'model_context_window_exceeded', 'refusal'] as const)('an answer cut by %s', (reason) => {
  it('keeps cut arguments as they are', () => {
    const { writer, events } = create()
    writer.tool('a', { id: 'a', name: 'f', arguments: '{"x' })
    writer.stop(reason)
    writer.end()
    expectOrder(events)
    expect(events.at(-2)).toMatchObject({ delta: { stop_reason: reason } })
  })

  it('leaves out a last call that has no argument yet, and no other', () => {
    expect(
      content((w) => {
        w.tool('a', { id: 'a', name: 'f' })
        w.text('t')
        w.tool('b', { id: 'b', name: 'f' })
        w.tool('c', { id: 'c', name: 'f' })
      }, reason),
    ).toEqual([call('a', 'f'), text('t'), call('b', 'f')])
  })
})

describe('usage', () => {
  it('names an estimate at the start alone', () => {
    const { writer, events } = create({ estimateInput: () => 42 })
    writer.text('t')
    writer.usage({ cache_read_input_tokens: 3 })
    writer.stop('end_turn')
    writer.end()
    expect(events[0]).toMatchObject({ message: { usage: { input_tokens: 42, output_tokens: 0 } } })
    expect(events.at(-2)).toMatchObject({ usage: { cache_read_input_tokens: 3, output_tokens: 0 } })
  })

  it('prefers what was counted, and the last word of each field', () => {
    const { writer, events } = create({ estimateInput: () => 42 })
    writer.usage({ input_tokens: 7, output_tokens: 1 })
    writer.text('t')
    writer.usage({ output_tokens: 2 })
    writer.stop('end_turn')
    writer.end()
    expect(events[0]).toMatchObject({ message: { usage: { input_tokens: 7 } } })
    expect(events.at(-2)).toMatchObject({ usage: { input_tokens: 7, output_tokens: 2 } })
  })
})

describe('arguments that are said again, whole', () => {
  it.each(['{"a":1,"b":"x"}', ' {"a": 1, "b": "\\u0078"}\n'])('count once: %j', (again) => {
    const { writer, events } = create()
    writer.tool('a', { id: 'i', name: 'f', arguments: '{"a":1,' })
    writer.tool('a', { arguments: '"b":"x"}' })
    writer.tool('a', { id: 'i', name: 'f', arguments: again })
    writer.stop('tool_use')
    writer.end()
    const deltas = events.flatMap((event) => (event.type === 'content_block_delta' ? [event.delta] : []))
    expect(deltas).toEqual(['{"a":1,', '"b":"x"}'].map((partial_json) => ({ type: 'input_json_delta', partial_json })))
    expect(events.at(-1)).toEqual({ type: 'message_stop' })
  })

  it('cost no more than they are long, however long the first ones are', () => {
    const { writer } = create()
    writer.tool('a', { name: 'f', arguments: `{"a":1${' '.repeat(4 * 1024 * 1024)}}` })
    const began = performance.now()
    for (let time = 0; time < 500; time++) writer.tool('a', { arguments: '{"a":1}' })
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it.each(['{"a":2}', '{"a":1}}', '{"a":1}{"a":1}', '{'])('are not other ones: %s', (other) => {
    const { writer, events } = create()
    writer.tool('a', { name: 'f', arguments: '{"a":1}' })
    writer.tool('a', { arguments: other })
    writer.stop('tool_use')
    writer.end()
    expect(judge(events).fault).toMatchObject({ code: 'CCR_STREAM_INVALID' })
  })
})

describe('faults', () => {
  it.each<readonly [string, (writer: MessageWriter) => void]>([
    ['arguments that are no object', (w) => w.tool('a', { name: 'f', arguments: 'null' })],
    ['arguments without an end', (w) => w.tool('a', { name: 'f', arguments: '{' })],
    ['something after complete arguments', (w) => w.tool('a', { name: 'f', arguments: '{}{' })],
    ['a call without a name', (w) => w.tool('a', { arguments: '{}' })],
    [
      'something for a call that is closed',
      (w) => {
        w.tool('a', { name: 'f', arguments: '{}' })
        w.text('t')
        w.tool('a', { arguments: 'x' })
      },
    ],
  ])('%s', (_what, write) => {
    const { writer, events } = create()
    writer.stop('tool_use')
    expect(() => {
      write(writer)
      writer.end()
      const { fault } = judge(events)
      if (fault) throw fault
    }).toThrow(expect.objectContaining({ code: 'CCR_STREAM_INVALID' }))
    expect(judge(events).passed.some((event) => event.type === 'message_stop')).toBe(false)
  })

  it('an answer that never said why it stopped', () => {
    expect(() => create().writer.end()).toThrow(expect.objectContaining({ code: 'CCR_STREAM_ENDED' }))
  })

  it.each<readonly [string, (writer: MessageWriter, piece: string) => void]>([
    ['text behind an incomplete call', (w, piece) => w.text(piece)],
    ['the arguments of a call', (w, piece) => w.tool('a', { arguments: piece })],
    ['the arguments of a later call', (w, piece) => w.tool('b', { arguments: piece })],
    ['the name of a later call', (w, piece) => w.tool('b', { name: piece })],
    ['the keys of calls', (w, piece) => w.tool(piece, {})],
    ['the ids of calls', (w, piece) => w.tool(piece.slice(0, 9), { id: piece })],
    ['whole blocks behind an incomplete call', (w, piece) => w.block({ type: 'odd', piece })],
    ['citations behind an incomplete call', (w, piece) => w.citation({ piece })],
    [
      'signatures behind an incomplete call',
      (w, piece) => {
        w.thinking('t')
        w.signature(piece)
      },
    ],
  ])('holds back a bounded number of characters: %s', (_what, write) => {
    const { writer } = create()
    writer.tool('a', { name: 'f', arguments: '{"x":"' })
    const piece = 'x'.repeat(MAX_HELD / 8)
    for (let turn = 0; turn < 7; turn++) write(writer, `${turn}${piece}`)
    expect(() => write(writer, `7${piece}`)).toThrow(expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }))
  })

  it('keeps a bounded number of characters of thinking that may have to be signed', () => {
    const { writer } = create({ sign: () => 's' })
    const piece = 'x'.repeat(MAX_HELD / 2)
    writer.thinking(piece)
    writer.thinking(piece)
    expect(() => writer.thinking('x')).toThrow(expect.objectContaining({ code: 'CCR_STREAM_LIMIT' }))
  })

  it('counts only what it still holds', () => {
    const { writer } = create({ sign: () => 's' })
    const piece = 'x'.repeat(MAX_HELD / 8)
    for (let turn = 0; turn < 12; turn++) {
      writer.tool(`${turn}`, { name: 'f', arguments: '{"x":"' })
      writer.text(piece)
      writer.citation({ piece })
      writer.block({ type: 'odd', piece })
      writer.thinking('t')
      writer.signature(piece)
      writer.signature(piece)
      writer.tool(`${turn}`, { arguments: `${piece}"}` })
      writer.thinking(piece)
    }
    writer.stop('tool_use')
    expect(() => writer.end()).not.toThrow()
  })

  it('takes many fragments behind an incomplete call in linear time', () => {
    const { writer, events } = create()
    writer.tool('a', { name: 'f', arguments: `{"x":"${'y'.repeat(1_000_000)}` })
    for (let turn = 0; turn < 50_000; turn++) writer[turn % 2 ? 'text' : 'thinking']('z')
    for (let turn = 0; turn < 50_000; turn++) writer.tool('b', { name: 'g', arguments: turn === 0 ? '{"y":"' : '{' })
    writer.tool('b', { arguments: '"}' })
    writer.tool('a', { arguments: '"}' })
    writer.stop('tool_use')
    writer.end()
    expect(events.filter((event) => event.type === 'content_block_start')).toHaveLength(50_002)
  }, 10_000)
})

interface Truth {
  readonly type: 'text' | 'thinking' | 'call'
  readonly key: string
  readonly name: string
  readonly pieces: readonly string[]
  readonly lateName: boolean
  readonly lateId: boolean
}

type Step = (writer: MessageWriter) => void

function stepsOf(truth: Truth): readonly Step[] {
  if (truth.type !== 'call')
    return truth.pieces.map((piece) => (writer: MessageWriter) => writer[truth.type as 'text' | 'thinking'](piece))
  const { key, name, pieces } = truth
  const half = Math.ceil(name.length / 2)
  const names: readonly Step[] = [
    (writer) => writer.tool(key, { name: name.slice(0, half) }),
    (writer) => writer.tool(key, { name: name.slice(half) }),
  ]
  const whole: readonly Step[] = [(writer) => writer.tool(key, { name })]
  const parts = pieces.map(
    (piece): Step =>
      (writer) =>
        writer.tool(key, { arguments: piece }),
  )
  const id: readonly Step[] = [(writer) => writer.tool(key, { id: key })]
  const named = truth.lateName ? [...parts, ...whole] : [...names, ...parts]
  return truth.lateId ? [...named, ...id] : [...id, ...named]
}

const piecesOf = (value: string, size: number): readonly string[] =>
  value.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []

const truths = fc
  .array(
    fc.record({
      type: fc.constantFrom('text', 'thinking', 'call'),
      value: fc.string({ minLength: 1, maxLength: 12 }),
      input: fc.dictionary(
        fc.string({ maxLength: 3 }),
        fc.oneof(fc.string(), fc.integer(), fc.constantFrom<unknown>(null, [], {}, ['}', { '{': '"' }])),
      ),
      size: fc.integer({ min: 1, max: 6 }),
      lateName: fc.boolean(),
      lateId: fc.boolean(),
    }),
    { maxLength: 6 },
  )
  .map((list) =>
    list.map(({ type, value, input, size, lateName, lateId }, index): Truth & { readonly input: object } => ({
      type: type as Truth['type'],
      key: `call_${index}`,
      name: `get_tool${index}`,
      pieces: piecesOf(type === 'call' ? JSON.stringify(input) : value, size),
      lateName,
      lateId,
      input,
    })),
  )

describe('any interleaving', LIMITS, () => {
  it('keeps the order of events and every character', () => {
    fc.assert(
      fc.property(truths, fc.array(fc.nat(), { minLength: 1, maxLength: 64 }), fc.boolean(), (list, picks, signed) => {
        let turn = 0
        const pick = (below: number): number => picks[turn++ % picks.length]! % below
        const { writer, events } = create(signed ? { sign: () => 's' } : {})
        const queues = list
          .map((truth) => ({ truth, steps: [...stepsOf(truth)] }))
          .filter(({ steps }) => steps.length > 0)
        const wanted = { text: '', thinking: '' }
        const began: Truth[] = []
        while (queues.length > 0) {
          const at = pick(queues.length)
          const { truth, steps } = queues[at]!
          if (truth.type === 'call') {
            if (!began.includes(truth)) began.push(truth)
          } else wanted[truth.type] += truth.pieces[truth.pieces.length - steps.length]!
          steps.shift()!(writer)
          if (pick(3) === 0) writer.usage({ output_tokens: events.length })
          if (steps.length === 0) queues.splice(at, 1)
        }
        writer.stop(began.length > 0 ? 'tool_use' : 'end_turn')
        writer.end()
        expectOrder(events)
        const got = { text: '', thinking: '' }
        const calls: { name: unknown; text: string }[] = []
        for (const event of events) {
          if (event.type === 'content_block_start' && event.content_block.type === 'tool_use')
            calls.push({ name: (event.content_block as { name: unknown }).name, text: '' })
          if (event.type !== 'content_block_delta') continue
          const { delta } = event
          if (delta.type === 'text_delta') got.text += delta.text
          else if (delta.type === 'thinking_delta') got.thinking += delta.thinking
          else if (delta.type === 'input_json_delta') calls.at(-1)!.text += delta.partial_json
        }
        expect(got).toEqual(wanted)
        expect(calls).toEqual(began.map(({ name, pieces }) => ({ name, text: pieces.join('') })))
      }),
      { numRuns: RUNS },
    )
  })
})

describe('the usage at the end', () => {
  const ended = (write: (writer: MessageWriter) => void): CanonicalEvent => {
    const { writer, events } = create()
    write(writer)
    writer.stop('end_turn')
    writer.end()
    return events.at(-2)!
  }

  it.each<[string, boolean, (writer: MessageWriter) => void]>([
    ['all counted', false, (writer) => writer.usage({ input_tokens: 1, output_tokens: 2 })],
    ['guessed output', true, (writer) => (writer.usage({ input_tokens: 1 }), writer.guessOutput(2))],
    ['no input', true, (writer) => writer.usage({ output_tokens: 2 })],
    ['nothing', true, () => undefined],
  ])('is marked where it holds guesses: %s', (_, marked, write) => {
    const { usage } = ended(write) as Extract<CanonicalEvent, { type: 'message_delta' }>
    expect(isEstimated(usage)).toBe(marked)
    expect(Object.keys(usage!).every((key) => /^(?:in|out)put_tokens$/.test(key))).toBe(true)
  })
})
