import { messageEvents, type CanonicalMessage, type CanonicalRequest, type ContentBlock, type Message } from '@ccr/sdk'
import { cut } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  codeOf,
  encode,
  expectValid,
  fakeExchange,
  messageOf,
  readStream,
  RUNS,
  FUZZ_TIMEOUT,
} from '../test/harness.ts'
import { createClient } from './client.ts'
import { KeptItems } from './kept-items.ts'
import { itemsOf, unwrapSignature } from './reasoning.ts'
import { fieldsOf } from './wire.ts'

const client = createClient(new KeptItems())

const prose = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const base64 = fc.base64String({ minLength: 4, maxLength: 16 })
const image: fc.Arbitrary<ContentBlock> = fc.oneof(
  base64.map((data) => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }) as const),
  fc.webUrl().map((url) => ({ type: 'image', source: { type: 'url', url } }) as const),
)
const textBlock: fc.Arbitrary<ContentBlock> = prose.map((text) => ({ type: 'text', text }))
// As JSON carries it: it knows no negative zero.
const input = fc
  .dictionary(prose, fc.jsonValue({ maxDepth: 2 }))
  .map((value) => JSON.parse(JSON.stringify(value)) as object)
const word = fc.stringMatching(/^[a-z]{1,8}$/)

const outcome = fc.oneof(prose, fc.array(fc.oneof(textBlock, image), { minLength: 1, maxLength: 3 }))

/** A turn of the assistant with its calls, and the results of all of them with what the user says beside. */
const turn: fc.Arbitrary<readonly Message[]> = fc
  .record({
    said: fc.option(prose, { nil: undefined }),
    calls: fc.array(fc.tuple(word, input), { minLength: 1, maxLength: 3 }),
    results: fc.array(outcome, { minLength: 3, maxLength: 3 }),
    asked: fc.array(fc.oneof(textBlock, image), { maxLength: 2 }),
  })
  .map(({ said, calls, results, asked }) => {
    const uses = calls.map(([name, given]) => ({ type: 'tool_use', id: '', name, input: given }) as ContentBlock)
    const answers = uses.map(
      (_, at) => ({ type: 'tool_result', tool_use_id: '', content: results[at]! }) as ContentBlock,
    )
    const text: readonly ContentBlock[] = said === undefined ? [] : [{ type: 'text', text: said }]
    return [
      { role: 'assistant', content: [...text, ...uses] },
      { role: 'user', content: [...answers, ...asked] },
    ]
  })

/** A conversation of a user and an assistant, with ids that are unique. */
const conversations: fc.Arbitrary<CanonicalRequest> = fc
  .record({
    system: prose,
    first: fc.array(fc.oneof(textBlock, image), { minLength: 1, maxLength: 3 }),
    turns: fc.array(turn, { maxLength: 3 }),
  })
  .map(({ system, first, turns }) => {
    let made = 0
    let answered = 0
    const numbered = (block: ContentBlock): ContentBlock => {
      if (block.type === 'tool_use') return { ...block, id: `toolu_${made++}` } as ContentBlock
      return block.type === 'tool_result' ? ({ ...block, tool_use_id: `toolu_${answered++}` } as ContentBlock) : block
    }
    const messages = [{ role: 'user' as const, content: first }, ...turns.flat()]
    return {
      model: 'm',
      system: [{ type: 'text', text: system }],
      messages: messages.map(({ role, content }) => ({
        role,
        content: (content as readonly ContentBlock[]).map(numbered),
      })),
    }
  })

/** What has to survive: roles, texts, images, calls and results, in order. Texts alone are a string in a result. */
function essence({ system, messages }: CanonicalRequest): unknown {
  const flat = (content: unknown): unknown => {
    if (!Array.isArray(content)) return content
    const blocks = content as readonly ContentBlock[]
    return blocks.every(({ type }) => type === 'text')
      ? blocks.map((block) => fieldsOf(block)['text']).join('')
      : blocks
  }
  const block = (one: ContentBlock): unknown =>
    one.type === 'tool_result' ? { ...one, content: flat(fieldsOf(one)['content']) } : one
  return {
    system,
    messages: messages.map(({ role, content }) => ({ role, content: (content as readonly ContentBlock[]).map(block) })),
  }
}

function decode(body: object): CanonicalRequest {
  return client.decode({ body: Buffer.from(JSON.stringify(body)), headers: {}, url: '/v1/responses', params: {} })
    .request
}

describe('a request', () => {
  it(
    'keeps text, images, calls, results, ids and order on its way there and back',
    () => {
      fc.assert(
        fc.property(conversations, (request) => {
          expect(essence(decode(encode(request)))).toEqual(essence(request))
        }),
        { numRuns: RUNS },
      )
    },
    FUZZ_TIMEOUT,
  )

  it(
    'stays what it is when it goes there twice',
    () => {
      fc.assert(
        fc.property(conversations, (request) => {
          const once = encode(decode(encode(request)))
          expect(encode(decode(once))).toEqual(once)
        }),
        { numRuns: RUNS },
      )
    },
    FUZZ_TIMEOUT,
  )
})

const blocks: fc.Arbitrary<ContentBlock> = fc.oneof(
  textBlock,
  fc.tuple(prose, prose).map(([thinking, signature]) => ({ type: 'thinking', thinking, signature }) as const),
  fc.tuple(word, input).map(([name, given]) => ({ type: 'tool_use', id: '', name, input: given }) as const),
)

const answers: fc.Arbitrary<CanonicalMessage> = fc
  .tuple(fc.array(blocks, { minLength: 1, maxLength: 6 }), fc.nat(99), fc.nat(99), fc.nat(99))
  .map(([content, input_tokens, cache_read_input_tokens, output_tokens]) => ({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'asked',
    content: content.map((block, at) =>
      block.type === 'tool_use' ? ({ ...block, id: `toolu_${at}` } as ContentBlock) : block,
    ),
    stop_reason: content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens, cache_read_input_tokens, cache_creation_input_tokens: 0, output_tokens },
  }))

/** Texts in a row are one text; a signature is known again by what it holds. */
function saidBy({ content, usage, stop_reason }: CanonicalMessage): unknown {
  const said: unknown[] = []
  for (const block of content) {
    const { type, text, thinking, signature, id, name, input: given } = fieldsOf(block)
    const last = said.at(-1)
    if (type === 'text' && typeof last === 'string') said[said.length - 1] = last + String(text)
    else if (type === 'text') said.push(text)
    else if (type === 'thinking') {
      const carried = itemsOf(signature, 'local').map(({ encrypted_content }) => unwrapSignature(encrypted_content!))
      said.push({ thinking, signature: carried[0] ?? signature })
    } else said.push({ id, name, input: given })
  }
  const { input_tokens, cache_read_input_tokens, output_tokens } = usage
  return { said, stop_reason, usage: { input_tokens, cache_read_input_tokens, output_tokens } }
}

it(
  'an answer that goes to a client and is read by a target means the same, however its bytes are cut',
  () => {
    fc.assert(
      fc.property(answers, fc.array(fc.nat(), { maxLength: 8 }), (message, offsets) => {
        const encoder = client.encoder(fakeExchange())
        const bytes = Buffer.from(
          messageEvents(message)
            .map((event) => encoder.events([event]))
            .join(''),
        )
        const { events, fault } = readStream(cut(bytes, ...offsets))
        expect(codeOf(fault)).toBeUndefined()
        expectValid(events)
        expect(saidBy(messageOf(events))).toEqual(saidBy(message))
      }),
      { numRuns: RUNS },
    )
  },
  FUZZ_TIMEOUT,
)

it(
  'a stream to a client has numbers without gaps and one end, and a whole answer says the same',
  () => {
    fc.assert(
      fc.property(answers, (message) => {
        const encoder = client.encoder(fakeExchange())
        const frames = encoder.events(messageEvents(message)).split('\n\n').slice(0, -1)
        const events = frames.map((frame) => {
          const [name, data] = frame.split('\n')
          const event = fieldsOf(JSON.parse(data!.slice('data: '.length)))
          expect(name).toBe(`event: ${String(event['type'])}`)
          return event
        })
        expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, at) => at))
        expect(events.filter(({ type }) => type === 'response.completed')).toEqual([events.at(-1)])
        const { output, ...rest } = fieldsOf(events.at(-1)!['response'])
        const whole = fieldsOf(client.message(message, fakeExchange()))
        expect(whole).toEqual({ ...rest, output })
      }),
      { numRuns: RUNS },
    )
  },
  FUZZ_TIMEOUT,
)
