import fc from 'fast-check'

/** What a model says, and the chunks in which a server might send it. */
export interface Script {
  readonly text: string
  readonly thinking: string
  readonly calls: readonly { readonly name: string; readonly input: unknown }[]
  readonly stop: string
  /** Absent where the server counts nothing. */
  readonly usage: { readonly prompt: number; readonly cached: number; readonly completion: number } | undefined
  readonly chunks: readonly object[]
}

type Piece =
  | { readonly kind: 'text' | 'thinking'; readonly part: string }
  | { readonly kind: 'call'; readonly call: number; readonly part: string; readonly first: boolean }

interface Style {
  readonly reasoning: 'reasoning_content' | 'reasoning' | 'reasoning_details' | 'both'
  /** How calls are told apart. */
  readonly calls: 'index' | 'index and id' | 'id'
  readonly usage: 'with the end' | 'after the end' | 'in the choice' | 'on every chunk' | 'never'
  readonly end: 'by itself' | 'in the last delta'
  readonly lists: boolean
}

const style: fc.Arbitrary<Style> = fc.record({
  reasoning: fc.constantFrom('reasoning_content', 'reasoning', 'reasoning_details', 'both'),
  calls: fc.constantFrom('index', 'index and id', 'id'),
  usage: fc.constantFrom('with the end', 'after the end', 'in the choice', 'on every chunk', 'never'),
  end: fc.constantFrom('by itself', 'in the last delta'),
  lists: fc.boolean(),
})

const phrase = fc.array(fc.string({ minLength: 1, maxLength: 6, unit: 'grapheme' }), { minLength: 1, maxLength: 4 })
/** JSON objects as a JSON text can say them, which knows no negative zero. */
export const input = fc
  .dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3, noNullPrototype: true })
  .map((value) => JSON.parse(JSON.stringify(value)) as Readonly<Record<string, unknown>>)
const call = fc.record({ input, cuts: fc.array(fc.nat(30), { maxLength: 4 }) })
const segment = fc.oneof(
  fc.record({ kind: fc.constantFrom('text' as const, 'thinking' as const), parts: phrase }),
  fc.record({
    kind: fc.constant('calls' as const),
    calls: fc.array(call, { minLength: 1, maxLength: 3 }),
    order: fc.array(fc.nat(2), { maxLength: 12 }),
    /** What comes between the fragments. */
    between: fc.option(fc.tuple(fc.nat(6), fc.constantFrom('text' as const, 'thinking' as const)), { nil: undefined }),
  }),
)

/** Answers of any kind, in any of the ways in which servers send them. */
export const script: fc.Arbitrary<Script> = fc
  .tuple(
    fc.array(segment, { maxLength: 5 }),
    style,
    fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter', 'function_call', 'eos'),
    fc.record({ prompt: fc.nat(9999), cached: fc.nat(9999), completion: fc.nat(9999) }),
  )
  .map(([segments, how, finish, usage]) => {
    const pieces: Piece[] = []
    const calls: { name: string; input: unknown }[] = []
    for (const one of segments) {
      if (one.kind !== 'calls') for (const part of one.parts) pieces.push({ kind: one.kind, part })
      else {
        const base = calls.length
        for (const { input: given } of one.calls) calls.push({ name: `tool_${calls.length}`, input: given })
        pieces.push(...interleaved(one.calls, one.order, base, one.between))
      }
    }
    const all = (kind: 'text' | 'thinking'): string =>
      pieces.map((piece) => (piece.kind === kind ? piece.part : '')).join('')
    return {
      text: all('text'),
      thinking: all('thinking'),
      calls,
      stop: stopOf(finish, calls.length > 0),
      usage: how.usage === 'never' ? undefined : usage,
      chunks: chunksOf(pieces, calls, how, finish, usage),
    }
  })

function stopOf(finish: string, called: boolean): string {
  if (finish === 'length') return 'max_tokens'
  if (finish === 'content_filter') return 'refusal'
  return called ? 'tool_use' : 'end_turn'
}

/** Fragments of parallel calls in a drawn order; those of one call keep theirs, and the first of each come in turn. */
function interleaved(
  calls: readonly { readonly input: unknown; readonly cuts: readonly number[] }[],
  order: readonly number[],
  base: number,
  between: readonly [number, 'text' | 'thinking'] | undefined,
): readonly Piece[] {
  const queues = calls.map(({ input: given, cuts }, index) => {
    const text = JSON.stringify(given)
    const edges = [...new Set([0, ...cuts.filter((cut) => cut < text.length), text.length])].sort((a, b) => a - b)
    return edges.slice(1).map((edge, at): Piece => {
      return { kind: 'call', call: base + index, part: text.slice(edges[at], edge), first: at === 0 }
    })
  })
  const pieces: Piece[] = queues.map((queue) => queue.shift()!)
  for (const pick of order) {
    const next = queues[pick % queues.length]!.shift()
    if (next) pieces.push(next)
  }
  for (const queue of queues) pieces.push(...queue)
  if (between) pieces.splice(Math.min(between[0], pieces.length), 0, { kind: between[1], part: 'between' })
  return pieces
}

function chunksOf(
  pieces: readonly Piece[],
  calls: readonly { readonly name: string }[],
  how: Style,
  finish: string,
  counted: NonNullable<Script['usage']>,
): readonly object[] {
  const usage = {
    prompt_tokens: counted.prompt,
    completion_tokens: counted.completion,
    prompt_tokens_details: { cached_tokens: counted.cached },
  }
  const deltas: object[] = [{ role: 'assistant', content: '' }, ...pieces.map((piece) => deltaOf(piece, calls, how))]
  if (how.end === 'by itself') deltas.push({})
  const chunks = deltas.map((delta, index) => {
    const last = index === deltas.length - 1
    const choice = { index: 0, delta, finish_reason: last ? finish : null }
    const early = { ...usage, completion_tokens: 0 }
    if (how.usage === 'on every chunk') return { choices: [choice], usage: last ? usage : early }
    if (!last || how.usage === 'after the end' || how.usage === 'never') return { choices: [choice] }
    return how.usage === 'in the choice' ? { choices: [{ ...choice, usage }] } : { choices: [choice], usage }
  })
  return how.usage === 'after the end' ? [...chunks, { choices: [], usage }] : chunks
}

function deltaOf(piece: Piece, calls: readonly { readonly name: string }[], how: Style): object {
  switch (piece.kind) {
    case 'text':
      return { content: how.lists ? [{ type: 'text', text: piece.part }] : piece.part }
    case 'thinking': {
      const details = [{ type: 'reasoning.text', text: piece.part, index: 0 }]
      if (how.reasoning === 'both') return { reasoning: piece.part, reasoning_details: details }
      return { [how.reasoning]: how.reasoning === 'reasoning_details' ? details : piece.part }
    }
    case 'call': {
      const { call: number, first, part } = piece
      const id = first || how.calls !== 'index' ? { id: `call_${number}` } : {}
      const index = how.calls === 'id' ? {} : { index: number }
      const name = first ? { name: calls[number]!.name } : {}
      return { tool_calls: [{ ...index, ...id, type: 'function', function: { ...name, arguments: part } }] }
    }
  }
}

/** How a stream may be written down without meaning anything else. */
export interface Spelling {
  readonly lineEnd: '\n' | '\r\n' | '\r'
  readonly space: boolean
  readonly comments: boolean
  readonly mark: boolean
  readonly severalLines: boolean
  readonly done: boolean
  readonly lastEnd: boolean
}

export const spelling: fc.Arbitrary<Spelling> = fc.record({
  lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
  space: fc.boolean(),
  comments: fc.boolean(),
  mark: fc.boolean(),
  severalLines: fc.boolean(),
  done: fc.boolean(),
  lastEnd: fc.boolean(),
})

/** Chunks as the events of a stream, each with its end. */
export function eventsOf(chunks: readonly object[], how: Spelling): readonly string[] {
  const field = how.space ? 'data: ' : 'data:'
  const texts = chunks.map((chunk) => JSON.stringify(chunk, undefined, how.severalLines ? 1 : undefined))
  return [...texts, ...(how.done ? ['[DONE]'] : [])].map((text) => {
    const lines = text.split('\n').map((line) => field + line)
    return [...(how.comments ? [': comment', ''] : []), ...lines, '', ''].join(how.lineEnd)
  })
}

/** A whole stream as bytes. */
export function bytesOf(chunks: readonly object[], how: Spelling): Buffer {
  const text = eventsOf(chunks, how).join('')
  return Buffer.from((how.mark ? '\uFEFF' : '') + (how.lastEnd ? text : text.trimEnd()))
}
