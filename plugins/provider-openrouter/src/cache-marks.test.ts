import { ToolNames, type CanonicalRequest, type JsonObject } from '@ccr/sdk'
import { afterEach, describe, expect, it } from 'vitest'
import { captures, continuesThread } from '../../dialect-openai/test/captures.ts'
import { encodeRequest } from '../../dialect-openai/src/encode.ts'
import { answerOf, refused, startPatched, type Patched } from '../../../test/rules/transformer-world.ts'
import plugin from './index.ts'
import type { ChatBody } from './chat-body.ts'
import { toOpenRouter } from './request.ts'

const CLAUDE = 'anthropic/claude-sonnet-4.5'
const cache_control = { type: 'ephemeral' } as const
const text = (said: string, mark: object = {}): object => ({ type: 'text', text: said, ...mark })
const marked = (said: string, control: object = cache_control): object => text(said, { cache_control: control })

let world: Patched | undefined
afterEach(async () => {
  await world?.test.dispose()
  world = undefined
})

/** The messages that go out, and the body beside them. */
async function sent(request: object, model = CLAUDE): Promise<JsonObject> {
  world = await startPatched([plugin], { model })
  const { status, text: said } = await world.ask(request as Partial<CanonicalRequest>)
  expect(status, said).toBe(200)
  return world.last
}

const user = (...content: object[]): object => ({ role: 'user', content })
const turn = (...content: object[]): object => ({ role: 'assistant', content })
const call = (id: string, mark: object = {}): object => ({ type: 'tool_use', id, name: 'look', input: {}, ...mark })
const result = (id: string, mark: object = {}): object => ({
  type: 'tool_result',
  tool_use_id: id,
  content: `seen ${id}`,
  ...mark,
})

describe('rule 127: marks of what may be cached', () => {
  it('stand in the system prompt where the client set them', async () => {
    const system = [text('x-anthropic-billing-header: 1'), marked('one'), text('two'), marked('three'), text('four')]
    expect((await sent({ system }))['messages']).toEqual([
      { role: 'system', content: [marked('one'), marked('two\n\nthree'), text('four')] },
      { role: 'user', content: 'q' },
    ])
  })

  it.each<readonly [string, object, object]>([
    ['text', user(text('a'), marked('b')), { role: 'user', content: [marked('a\n\nb')] }],
    [
      'an image and text',
      user({ type: 'image', source: { type: 'url', url: 'https://e.org/a.png' } }, marked('b')),
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://e.org/a.png' } }, marked('b')] },
    ],
    [
      'a note of the client',
      { role: 'system', content: [marked('now')] },
      { role: 'system', content: [marked('now')] },
    ],
  ])('stand behind %s', async (_, message, expected) => {
    const first = { role: 'user', content: 'q' }
    const messages = (message as { role: string }).role === 'user' ? [message] : [first, message]
    const body = await sent({ messages })
    expect((body['messages'] as readonly object[]).at(-1)).toEqual(expected)
  })

  it('stand behind the result of a call, and the turn before', async () => {
    const messages = [
      user(text('q')),
      turn(text('let me see'), call('a'), call('b', { cache_control })),
      user(result('a'), result('b', { cache_control })),
    ]
    expect((await sent({ messages }))['messages']).toMatchObject([
      { role: 'user', content: 'q' },
      { role: 'assistant', content: [marked('let me see')], tool_calls: [{}, {}] },
      { role: 'tool', tool_call_id: 'a', content: 'seen a' },
      { role: 'tool', tool_call_id: 'b', content: [marked('seen b')] },
    ])
  })

  it('stand before a turn that holds nothing but calls', async () => {
    const messages = [user(text('q')), turn(call('a', { cache_control })), user(result('a'))]
    expect((await sent({ messages }))['messages']).toMatchObject([
      { role: 'user', content: [marked('q')] },
      { role: 'assistant', content: null },
      { role: 'tool', content: 'seen a' },
    ])
  })

  it('say how long, where it is a time that is known, and nothing else', async () => {
    const system = [marked('a', { ...cache_control, ttl: '1h', scope: 'global' })]
    const messages = [user(marked('b', { ...cache_control, ttl: 'ever' }))]
    expect((await sent({ system, messages }))['messages']).toEqual([
      { role: 'system', content: [marked('a', { ...cache_control, ttl: '1h' })] },
      { role: 'user', content: [marked('b')] },
    ])
  })

  it('are four at most, the first and the last three', async () => {
    const system = [marked('1'), marked('2'), marked('3')]
    const messages = [user(marked('4')), turn(marked('5')), user(marked('6'))]
    const body = JSON.stringify((await sent({ system, messages }))['messages'])
    const found = [...body.matchAll(/"text":"([^"]*)","cache_control"/g)].map(([, said]) => said)
    expect(found).toEqual(['1', '4', '5', '6'])
  })

  it('stand for the whole request where the client says so', async () => {
    expect(await sent({ cache_control })).toMatchObject({ cache_control })
    expect(await sent({ cache_control }, 'openai/gpt-5.2')).not.toHaveProperty('cache_control')
  })

  it.each(['openai/gpt-5.2', 'deepseek/deepseek-v4-pro', 'model'])('are not sent to %s', async (model) => {
    const body = await sent({ system: [marked('a')], messages: [user(marked('b'))] }, model)
    expect(body['messages']).toEqual([
      { role: 'system', content: 'a' },
      { role: 'user', content: 'b' },
    ])
  })

  it('are one for Gemini, behind the system prompt', async () => {
    const request = { system: [marked('a'), marked('b'), text('c')], messages: [user(marked('d'))] }
    expect((await sent(request, 'google/gemini-2.5-pro'))['messages']).toEqual([
      { role: 'system', content: [marked('a\n\nb'), text('c')] },
      { role: 'user', content: 'd' },
    ])
  })

  it.each<readonly [string, object, readonly object[]]>([
    [
      'a turn was left out',
      { messages: [user(marked('a')), turn({ type: 'thinking', thinking: 'x', signature: 's' }), user(marked('b'))] },
      [
        { role: 'user', content: 'a' },
        { role: 'user', content: [marked('b')] },
      ],
    ],
    [
      'there is nothing to mark',
      { system: [marked('')], messages: [user({ type: 'image', source: { type: 'url', url: 'u' }, cache_control })] },
      [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'u' } }] }],
    ],
    ['the marks are none', { system: [text('a', { cache_control: null })] }, [{ role: 'system', content: 'a' }, {}]],
  ])('stay right where %s', async (_, request, expected) => {
    expect((await sent(request))['messages']).toMatchObject(expected)
  })

  it('stand behind a system prompt that somebody has written anew', () => {
    const ccr_request = { system: [marked('a'), text('b')], messages: [] } as unknown as CanonicalRequest
    const messages = [{ role: 'system', content: 'another' }]
    const body: ChatBody = { model: CLAUDE, messages, ccr_request }
    expect(toOpenRouter(body, () => true).messages).toEqual([{ role: 'system', content: [marked('another')] }])
    expect(toOpenRouter({ ...body, messages: [] }, () => true).messages).toEqual([])
  })

  it('are not sent again to a target that refuses them', async () => {
    const holds = (body: object): boolean => JSON.stringify(body).includes('cache_control')
    world = await startPatched([plugin], {
      model: CLAUDE,
      answer: (body) => (holds(body) ? refused('cache_control: Extra inputs are not permitted') : answerOf(body, [])),
    })
    const request = { system: [marked('a')] } as unknown as Partial<CanonicalRequest>
    expect((await world.ask(request)).status).toBe(200)
    expect((await world.ask(request)).status).toBe(200)
    expect(world.asked.map(({ body }) => holds(body))).toEqual([true, false, false])
  })
})

describe('of the captured requests of a client', () => {
  const list = captures().filter((capture) => !continuesThread(capture))

  it('each says the same with its marks as without, and has as many as the client set', () => {
    let count = 0
    for (const { name, request } of list) {
      const body = encodeRequest(request, {
        model: CLAUDE,
        stream: true,
        provider: 'p',
        names: new ToolNames(),
        refused: new Set(),
      }) as unknown as ChatBody
      const { messages } = toOpenRouter(body, () => true)
      expect(messages.map(plainText), name).toEqual(body.messages.map(plainText))
      const given = marksOf([request.system, request.messages.map(({ content }) => content)])
      expect(marksOf(messages), name).toBe(given)
      count += given
    }
    expect(count).toBeGreaterThan(list.length > 0 ? 300 : -1)
  })
})

function marksOf(value: unknown): number {
  return JSON.stringify(value).split('"cache_control":{').length - 1
}

/** What a message says, whether in parts or not. */
function plainText({ role, content }: ChatBody['messages'][number]): string {
  if (!Array.isArray(content)) return `${role}: ${String(content)}`
  return `${role}: ${content.map((part) => (part.type === 'text' ? String(part['text']) : part.type)).join('\n\n')}`
}
