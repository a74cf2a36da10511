import fc from 'fast-check'

/** One generated answer: its frames as an Anthropic server could write them, and what they mean. */
export interface WireStream {
  /** One frame an event, in order; the last one is the `message_stop`. */
  readonly frames: readonly string[]
  readonly content: readonly object[]
  readonly stopReason: string
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number }
  /** Its `message_start` has the usage that clients expect there. */
  readonly early: boolean
}

interface Part {
  readonly block: object
  readonly start: object
  readonly deltas: readonly object[]
}

const text = fc.string({ unit: fc.constantFrom('a', ' ', '\n', '"', '\\', '\r', 'é', '漢', '👧', '\u2028', '{', ':') })
const pieces = fc.array(text, { maxLength: 4 })
const identifier = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/)
const input = fc.dictionary(identifier, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })

const textPart = pieces.map((parts): Part => {
  const deltas = parts.map((one) => ({ type: 'text_delta', text: one }))
  return { block: { type: 'text', text: parts.join('') }, start: { type: 'text', text: '' }, deltas }
})

const thinkingPart = fc.tuple(pieces, identifier).map(([parts, signature]): Part => {
  const deltas = parts.map((thinking) => ({ type: 'thinking_delta', thinking }))
  return {
    block: { type: 'thinking', thinking: parts.join(''), signature },
    start: { type: 'thinking', thinking: '', signature: '' },
    deltas: [...deltas, { type: 'signature_delta', signature }],
  }
})

const unsignedPart = pieces.map((parts): Part => {
  const deltas = parts.map((thinking) => ({ type: 'thinking_delta', thinking }))
  const block = { type: 'thinking', thinking: parts.join('') }
  return { block, start: { type: 'thinking', thinking: '' }, deltas }
})

const callPart = fc
  .tuple(fc.constantFrom('tool_use', 'server_tool_use', 'mcp_tool_use'), identifier, identifier, input, fc.nat())
  .map(([type, id, name, args, seed]): Part => {
    const json = JSON.stringify(args)
    const at = seed % (json.length + 1)
    const cut = json === '{}' && seed % 2 === 0 ? [''] : [json.slice(0, at), '', json.slice(at)]
    return {
      block: { type, id, name, input: JSON.parse(json) as object },
      start: { type, id, name, input: {} },
      deltas: cut.map((partial_json) => ({ type: 'input_json_delta', partial_json })),
    }
  })

const wholePart = fc
  .oneof(
    identifier.map((data) => ({ type: 'redacted_thinking', data })),
    identifier.map((id) => ({ type: 'web_search_tool_result', tool_use_id: id, content: [{ url: id }] })),
    fc.jsonValue({ maxDepth: 1 }).map((value) => written({ type: 'later_block', value })),
  )
  .map((block): Part => ({ block, start: block, deltas: [] }))

/** How a server may write its frames; none of it changes what they mean. */
const spelling = fc.record({
  lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
  space: fc.constantFrom('', ' '),
  comment: fc.constantFrom('', ': keep-alive', 'id: 7', 'retry: 10'),
  indent: fc.constantFrom(undefined, 1),
  mark: fc.constantFrom('', '\ufeff'),
})

type Spelling = typeof spelling extends fc.Arbitrary<infer Of> ? Of : never

const answer = (part: fc.Arbitrary<Part>, late: boolean): fc.Arbitrary<WireStream> =>
  fc
    .record({
      parts: fc.array(part, { minLength: late ? 2 : 0, maxLength: 5 }),
      between: fc.array(fc.constantFrom('ping', 'later_event', undefined), { minLength: 1, maxLength: 6 }),
      early: fc.boolean(),
      input_tokens: fc.nat(100_000),
      output_tokens: fc.nat(100_000),
      spelling,
    })
    .map(({ parts, between, early, input_tokens, output_tokens, spelling }) => {
      const content = parts.map(({ block }) => block as { readonly type: string })
      const stopReason = content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn'
      const blocks = parts.map(({ start, deltas }, index) => [
        { type: 'content_block_start', index, content_block: start },
        ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      ])
      const stops = parts.map(({ block }, index) => [
        ...(late && (block as { type: string }).type === 'thinking'
          ? [{ type: 'content_block_delta', index, delta: { type: 'signature_delta', signature: '' } }]
          : []),
        { type: 'content_block_stop', index },
      ])
      const events = [
        { type: 'message_start', message: openMessage(early ? { input_tokens, output_tokens: 1 } : undefined) },
        ...(late ? [...blocks, ...stops] : blocks.map((block, index) => [...block, ...stops[index]!])).flat(),
        {
          type: 'message_delta',
          delta: { stop_reason: stopReason, stop_sequence: null },
          usage: early ? { output_tokens } : { input_tokens, output_tokens },
        },
        { type: 'message_stop' },
      ]
      const noisy = events.flatMap((event, index) => {
        const type = between[index % between.length]
        return type === undefined || index === 0 ? [event] : [{ type }, event]
      })
      const [first = '', ...rest] = noisy.map((event) => frameOf(event, spelling))
      const usage = { input_tokens, output_tokens }
      return { frames: [`${spelling.mark}${first}`, ...rest], content, stopReason, usage, early }
    })

/** Any answer in any spelling. */
export const wireStream = answer(fc.oneof(textPart, thinkingPart, callPart, wholePart), false)

/** An answer whose blocks all stop at its end, and whose thinking is not signed. */
export const overlappingStream = answer(fc.oneof(textPart, unsignedPart, callPart), true)

/** Cuts bytes at these places, which are taken modulo their length. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [...new Set(places.map((one) => one % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...edges, bytes.length].map((to, index) => bytes.subarray(edges[index - 1] ?? 0, to))
}

/** As JSON gives it back: it knows no negative zero. */
function written(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object
}

function openMessage(usage: object | undefined): object {
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null }
  return usage ? { ...message, stop_sequence: null, usage } : message
}

function frameOf(event: { readonly type: string }, { lineEnd, space, comment, indent }: Spelling): string {
  // A value of several lines is data of several lines.
  const data = JSON.stringify(event, undefined, indent).split('\n')
  const lines = [`event:${space}${event.type}`, ...data.map((line) => `data:${space}${line}`)]
  return [...(comment === '' ? lines : [comment, ...lines]), '', ''].join(lineEnd)
}
