import anthropic from '@ccr/plugin-dialect-anthropic'
import openai from '@ccr/plugin-dialect-openai'
import { definePlugin, messageEvents, Type } from '@ccr/sdk'
import type { CanonicalMessage, CanonicalRequest, ContentBlock, Message } from '@ccr/sdk'
import { createTestKernel, json, sse, type TestAnswer, type TestKernel, type TestReply } from '@ccr/sdk/testing'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import plugin from './index.ts'
import { image, result, text } from '../test/images.ts'

const call = (task: string, id = 'toolu_p', name = 'analyzeImage'): ContentBlock => ({
  type: 'tool_use',
  id,
  name,
  input: { imageId: ['[Image #1]'], task },
})
const read: ContentBlock = { type: 'tool_use', id: 'toolu_r', name: 'Read', input: { file: 'x' } }

/** An answer of an upstream that speaks the Messages protocol, streamed where that is asked for. */
function says(request: CanonicalRequest, ...content: ContentBlock[]): TestAnswer {
  const message: CanonicalMessage = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'upstream',
    content,
    stop_reason: content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5 },
  }
  if (!request.stream) return json(message)
  return sse(messageEvents(message).map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`))
}

/** Sends everything to the model of this name, at the provider that speaks Messages unless another is given. */
const routeTo = (model: string, provider = 'mock', family?: string) =>
  definePlugin({
    name: 'route-scenarios',
    apiVersion: 1,
    description: 'for a test',
    options: Type.Object({}, { additionalProperties: false }),
    activate: (ctx) =>
      ctx.on('selectRoute', (plan) => ({ ...plan, targets: [{ provider, model }], decidedBy: 'test', family })),
  })

interface World {
  /** What the text model is asked, in order. */
  readonly asked: CanonicalRequest[]
  /** What the image model is asked. */
  readonly looked: CanonicalRequest[]
  readonly kernel: TestKernel
}

type Model = (request: CanonicalRequest, round: number) => TestAnswer | readonly ContentBlock[] | Promise<never>

const kernels: TestKernel[] = []
afterEach(async () => {
  for (const kernel of kernels.splice(0)) await kernel.dispose()
})

async function world(
  model: Model,
  eye: Model = () => [text('a red cat')],
  { target = 'm-text', router = {}, options = {}, family }: Options = {},
): Promise<World> {
  const asked: CanonicalRequest[] = []
  const looked: CanonicalRequest[] = []
  const kernel = await createTestKernel({
    plugins: [anthropic, openai, routeTo(target, 'mock', family), [plugin, options]],
    providers: [{ name: 'mock', dialect: 'anthropic', models: ['m-text', 'm-eye'] }],
    sections: { Router: { image: 'mock,m-eye', ...router } },
    upstream: ({ body }) => {
      const request = JSON.parse(String(body)) as CanonicalRequest
      const [list, answer] = request.model === 'm-eye' ? [looked, eye] : [asked, model]
      list.push(request)
      const said = answer(request, list.length - 1)
      return Array.isArray(said) ? says(request, ...(said as ContentBlock[])) : (said as TestAnswer)
    },
  })
  kernels.push(kernel)
  return { asked, looked, kernel }
}

interface Options {
  readonly target?: string
  readonly router?: Readonly<Record<string, unknown>>
  readonly options?: object
  readonly family?: string
}

const earlier: readonly Message[] = [
  { role: 'user', content: [text('what is this?'), image('cat')] },
  { role: 'assistant', content: 'Let me see.' },
  { role: 'user', content: 'Well?' },
]
const body = (more: object = {}) => ({ model: 'claude', max_tokens: 100, messages: earlier, stream: true, ...more })

/** What a client got, read from either form. */
function messageOf(reply: TestReply): CanonicalMessage {
  if (!reply.headers['content-type']!.includes('event-stream')) return reply.json() as CanonicalMessage
  const start: CanonicalMessage[] = []
  const content: ContentBlock[] = []
  let end: Partial<CanonicalMessage> = {}
  for (const [, data] of reply.text.matchAll(/^data: (.*)$/gm)) {
    const event = JSON.parse(data!) as never
    readEvent(event, start, content, (last) => (end = last))
  }
  return { ...start[0]!, content, ...end }
}

type Raw = {
  readonly type: string
  readonly index: number
  readonly message: CanonicalMessage
  readonly content_block: ContentBlock
  readonly delta: { readonly text?: string; readonly partial_json?: string; readonly stop_reason?: string }
  readonly usage: CanonicalMessage['usage']
}

/** Its own small reader, which knows nothing of the SDK's and insists on indexes without a gap. */
function readEvent(event: Raw, start: CanonicalMessage[], content: ContentBlock[], end: (last: object) => void): void {
  if (event.type === 'message_start') start.push(event.message)
  if (event.type === 'content_block_start') {
    expect(event.index).toBe(content.length)
    content.push(event.content_block.type === 'tool_use' ? { ...event.content_block, input: '' } : event.content_block)
  }
  if (event.type === 'content_block_delta') {
    expect(event.index).toBe(content.length - 1)
    const block = content.pop() as { text?: string; input?: string; type: string }
    const { text: said, partial_json: piece } = event.delta
    content.push(
      piece === undefined ? { ...block, text: `${block.text}${said}` } : { ...block, input: block.input + piece },
    )
  }
  if (event.type === 'content_block_stop' && content.at(-1)!.type === 'tool_use') {
    const block = content.pop() as { input: string; type: string }
    content.push({ ...block, input: JSON.parse(block.input) })
  }
  if (event.type === 'message_delta') end({ stop_reason: event.delta.stop_reason, usage: event.usage })
}

const askingOnce: Model = (_, round) =>
  round === 0 ? [text('Looking. '), call('what is it?')] : [text('It is a cat.')]

describe.each([true, false])('a model that cannot see (streamed: %s)', (stream) => {
  it('asks the image model inside its turn, and the client sees one message without that', async () => {
    const { asked, looked, kernel } = await world(askingOnce)
    const reply = await kernel.request({ body: body({ stream }) })
    expect(messageOf(reply)).toMatchObject({
      content: [text('Looking. '), text('It is a cat.')],
      stop_reason: 'end_turn',
      usage: { output_tokens: 10 },
    })
    expect(reply.text).not.toMatch(/analyzeImage|Image #|toolu_/)
    expect(looked).toMatchObject([{ messages: [{ content: [image('cat'), { type: 'text' }] }] }])
    expect(JSON.stringify(looked)).toContain('Task: what is it?')
    expect(JSON.stringify(asked)).not.toContain('"type":"image"')
    expect(asked[0]).toMatchObject({ tools: [{ name: 'analyzeImage' }] })
    expect(asked[1]!.messages.slice(3)).toEqual([
      { role: 'assistant', content: [text('Looking. '), call('what is it?')] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_p', content: 'a red cat' }] },
    ])
    const usage = kernel.usage.find(({ attempts }) => attempts.length === 3)
    expect(usage).toMatchObject({
      tokens: { input: 10, output: 5 },
      attempts: [{ model: 'm-text' }, { model: 'm-eye', tokens: { output: 5 } }, { model: 'm-text' }],
    })
  })

  it('may ask again and again, up to a limit, and is left without the tool then', async () => {
    const { asked, kernel } = await world(
      ({ tools }) => (tools?.some(({ name }) => name === 'analyzeImage') ? [call('more')] : [text('enough')]),
      undefined,
      { options: { rounds: 3 } },
    )
    const tools = [{ name: 'Read', input_schema: { type: 'object' } }]
    expect(messageOf(await kernel.request({ body: body({ stream, tools }) })).content).toEqual([text('enough')])
    expect(asked).toHaveLength(4)
  })

  it('that asks all the same has its turn ended in words', async () => {
    const { asked, kernel } = await world(() => [call('more')], undefined, { options: { rounds: 2 } })
    const reply = await kernel.request({ body: body({ stream }) })
    expect(messageOf(reply)).toMatchObject({
      content: [{ type: 'text', text: expect.stringContaining('as often as one turn allows') as string }],
      stop_reason: 'end_turn',
    })
    expect(asked).toHaveLength(3)
    expect(asked[2]).toMatchObject({ tool_choice: { type: 'none' } })
  })

  it('is told of a failure of the image model, and its turn goes on', async () => {
    const failing: Model = () => json({ type: 'error', error: { type: 'overloaded_error', message: 'busy' } }, 529)
    const { asked, kernel } = await world(askingOnce, failing)
    expect(messageOf(await kernel.request({ body: body({ stream }) })).content).toContainEqual(text('It is a cat.'))
    expect(asked[1]!.messages.at(-1)).toMatchObject({
      content: [{ type: 'tool_result', is_error: true, content: expect.stringContaining('busy') as string }],
    })
  })

  it('is told of an image that does not exist, and nobody is asked', async () => {
    const wrong = { ...call('x'), input: { imageId: ['[Image #5]'], task: 'x' } }
    const { asked, looked, kernel } = await world((_, round) => (round === 0 ? [wrong] : [text('ok')]))
    expect(messageOf(await kernel.request({ body: body({ stream }) })).content).toEqual([text('ok')])
    expect(JSON.stringify(asked[1]!.messages.at(-1))).toContain('There is no such image. There is [Image #1].')
    expect(looked).toEqual([])
  })

  it('reads in its next turn what it asked beside a call of the client', async () => {
    const { asked, looked, kernel } = await world((_, round) =>
      round === 0 ? [call('what?'), read] : [text('It is a cat.')],
    )
    const headers = { 'x-claude-code-session-id': '0b1f7f2e-0000-4000-8000-000000000000' }
    const first = await kernel.request({ headers, body: body({ stream }) })
    expect(messageOf(first)).toMatchObject({ content: [read], stop_reason: 'tool_use' })
    const messages = [
      ...earlier,
      { role: 'assistant', content: [read] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_r', content: 'file' }] },
    ]
    const second = await kernel.request({ headers, body: body({ stream, messages }) })
    expect(messageOf(second).content).toEqual([text('It is a cat.')])
    expect(looked).toHaveLength(1)
    expect(asked[1]!.messages.slice(3)).toEqual([
      { role: 'assistant', content: [read, call('what?')] },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_p', content: 'a red cat' },
          { type: 'tool_result', tool_use_id: 'toolu_r', content: 'file' },
        ],
      },
    ])
  })
})

describe('the image agent', () => {
  it('shows images of tools, each under its own number', async () => {
    const messages = [
      { role: 'user', content: 'look at the file' },
      { role: 'assistant', content: [read] },
      { role: 'user', content: [{ ...result(text('shot'), image('one'), image('two')), tool_use_id: 'toolu_r' }] },
      { role: 'assistant', content: 'hm' },
      { role: 'user', content: 'the second?' },
    ]
    const second = { ...call('x'), input: { imageId: ['[Image #2]'], task: 'x' } }
    const { looked, kernel } = await world((_, round) => (round === 0 ? [second] : [text('ok')]))
    await kernel.request({ body: body({ messages }) })
    expect(looked[0]!.messages[0]!.content[0]).toEqual(image('two'))
  })

  it('gives way to the direct route where the latest turn has the image, and changes nothing of it', async () => {
    const { asked, looked, kernel } = await world(() => [text('no')])
    const messages = [{ role: 'user', content: [text('what?'), image('cat')] }]
    const reply = await kernel.request({ body: body({ messages }) })
    expect([asked.length, looked.length, reply.headers['x-ccr-model']]).toEqual([0, 1, 'm-eye'])
    expect(looked[0]!.messages).toEqual(messages)
  })

  it('works in the latest turn too where it is forced', async () => {
    for (const sections of [{ forceUseImageAgent: true }, {}]) {
      const { asked, looked, kernel } = await world(askingOnce, undefined, {
        router: { forceUseImageAgent: true, ...sections },
      })
      const messages = [{ role: 'user', content: [text('what?'), image('cat')] }]
      expect(messageOf(await kernel.request({ body: body({ messages }) })).content).toContainEqual(text('It is a cat.'))
      expect([asked.length, looked.length]).toEqual([2, 1])
    }
  })

  it.each<[string, Options, object]>([
    ['the model sees images', { target: 'gpt-4o' }, {}],
    ['the user says that it does', { options: { visionModels: ['m-*'] } }, {}],
    ['no image model is configured', { router: { image: '' } }, {}],
    ['the image model does not exist', { router: { image: 'nobody,x' } }, {}],
    ['there is no image', {}, { messages: [{ role: 'user', content: 'hi' }] }],
    ['the model is the image model of a family', { router: { families: { opus: { image: 'mock,m-text' } } } }, {}],
  ])('leaves a request as it is where %s', async (_, options, more) => {
    const { asked, kernel } = await world(() => [text('ok')], undefined, options)
    const sent = body(more)
    await kernel.request({ body: sent })
    expect(asked).toEqual([{ ...sent, model: options.target ?? 'm-text' }])
  })

  it('asks the image model of the family that was decided for', async () => {
    const router = { image: 'mock,other', families: { opus: { image: 'mock,m-eye' } } }
    const { looked, kernel } = await world(askingOnce, undefined, { router, family: 'opus' })
    await kernel.request({ body: body() })
    expect(looked).toHaveLength(1)
  })

  it('answers a model that speaks another protocol', async () => {
    const chunk = (delta: object, finish_reason: string | null = null) =>
      `data: ${JSON.stringify({ id: 'c', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] })}\n\n`
    let round = 0
    const kernel = await createTestKernel({
      plugins: [anthropic, openai, routeTo('m-text', 'chat'), plugin],
      providers: [
        { name: 'chat', dialect: 'openai', models: ['m-text'] },
        { name: 'mock', dialect: 'anthropic', models: ['m-eye'] },
      ],
      sections: { Router: { image: 'mock,m-eye' } },
      upstream: ({ body: sent }) => {
        const request = JSON.parse(String(sent)) as CanonicalRequest
        if (request.model === 'm-eye') return says(request, text('a red cat'))
        const calls = [
          {
            index: 0,
            id: 'call_1',
            type: 'function',
            function: { name: 'analyzeImage', arguments: '{"imageId":["1"],"task":"x"}' },
          },
        ]
        return sse(
          round++ === 0
            ? [chunk({ role: 'assistant', tool_calls: calls }), chunk({}, 'tool_calls'), 'data: [DONE]\n\n']
            : [chunk({ role: 'assistant', content: 'a cat' }), chunk({}, 'stop'), 'data: [DONE]\n\n'],
        )
      },
    })
    kernels.push(kernel)
    expect(messageOf(await kernel.request({ body: body() }))).toMatchObject({
      content: [{ type: 'text', text: 'a cat' }],
      stop_reason: 'end_turn',
    })
  })

  it('is closed with its client, while it waits for the image model', async () => {
    const leaving = new AbortController()
    let closed!: () => void
    const atClose = new Promise<void>((resolve) => (closed = resolve))
    const kernel = await createTestKernel({
      plugins: [anthropic, routeTo('m-text'), plugin],
      providers: [{ name: 'mock', dialect: 'anthropic', models: ['m-text', 'm-eye'] }],
      sections: { Router: { image: 'mock,m-eye' } },
      upstream: ({ body: sent, signal }) => {
        const request = JSON.parse(String(sent)) as CanonicalRequest
        if (request.model !== 'm-eye') return says(request, text('Looking'), call('x'))
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            closed()
            reject(new Error('closed'))
          })
          leaving.abort()
        })
      },
    })
    kernels.push(kernel)
    await kernel.request({ body: body(), signal: leaving.signal })
    await atClose
    expect(kernel.usage.at(-1)).toMatchObject({ status: 'client_closed' })
    expect(kernel.warnings).toEqual([])
  })

  it('never lets its tool out, whatever mix of words and calls a model gives', async () => {
    const block = fc.constantFrom(text('said'), read, call('x'), call('y', 'toolu_q'))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(block, { maxLength: 4 }), { maxLength: 4 }),
        fc.boolean(),
        async (rounds, stream) => {
          const { kernel } = await world((_, round) => rounds[round] ?? [text('end')])
          const reply = await kernel.request({ body: body({ stream }) })
          expect(reply.text).not.toMatch(/analyzeImage|toolu_[pq]/)
          const { content, stop_reason } = messageOf(reply)
          expect(stop_reason === 'tool_use').toBe(content.some(({ type }) => type === 'tool_use'))
        },
      ),
      { numRuns: 25 },
    )
  })
})
