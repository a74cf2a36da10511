import enhancetool from '@ccr/plugin-patch-enhancetool'
import tooluse from '@ccr/plugin-patch-tooluse'
import type { ContentBlock } from '@ccr/sdk'
import type { TestEntry } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { streamedAnswer } from '../dialects/answers.ts'
import { chunk, completion, createTransformerWorld, FORMS, part, TARGETS } from './answer-world.ts'
import type { Answered, TransformerWorld } from './answer-world.ts'

let world: TransformerWorld
afterEach(() => world?.dispose())

async function start(...entries: readonly TestEntry[]): Promise<TransformerWorld> {
  return (world = await createTransformerWorld(...entries))
}

const text = (value: string): ContentBlock => ({ type: 'text', text: value })
const called = (name: string, input: object): object =>
  expect.objectContaining({ type: 'tool_use', name, input }) as object
const tools = [{ name: 'f', description: 'd', input_schema: { type: 'object', properties: {} } }]
const calls = (...parts: object[]): object => ({ tool_calls: parts })

describe('rule 169, tooluse', () => {
  const answer = 'Done: "ä" 🙂\n'
  const exit = { id: 'call_9', name: 'ExitTool', input: { response: answer } }
  const toolsOf = ({ sent }: Answered): string =>
    JSON.stringify([sent['tools'], sent['toolConfig'], sent['tool_choice']])

  describe.each(FORMS)('over a %s target, streamed: %s', (target, stream) => {
    it('offers the tool, demands a call, and shows its response as text that ends the turn', async () => {
      await start(tooluse)
      const answered = await world.ask({ target, stream, body: { tools }, said: { text: 'So. ', call: exit } })
      expect(toolsOf(answered)).toContain('"ExitTool"')
      expect(toolsOf(answered)).toMatch(/"type":"any"|"required"\]|"mode":"ANY"/)
      expect(JSON.stringify(answered.sent)).toContain('you act by calling tools')
      expect(answered.message).toMatchObject({ stop_reason: 'end_turn', usage: { output_tokens: 7 } })
      expect(answered.content).toEqual([text('So. '), text(answer)])
    })

    it('leaves a request without tools and its answer alone', async () => {
      await start(tooluse)
      const answered = await world.ask({ target, stream, said: { call: exit } })
      expect(JSON.stringify(answered.sent)).not.toMatch(/ExitTool|calling tools/)
      expect(answered.message).toMatchObject({ stop_reason: 'tool_use', content: [called('ExitTool', exit.input)] })
    })
  })

  it.each<readonly [string, object]>([
    ['a tool to be called', { tools, tool_choice: { type: 'tool', name: 'f' } }],
    ['any tool to be called', { tools, tool_choice: { type: 'any' } }],
    ['none to be called', { tools, tool_choice: { type: 'none' } }],
    ['a tool of that name', { tools: [...tools, { ...tools[0], name: 'ExitTool' }] }],
    ['no tool', { tools: [] }],
    ['an answer in JSON', { tools, output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } }],
    ['tools of the server alone', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
  ])('leaves a request alone whose client wants %s', async (_, body) => {
    await start(tooluse)
    const said = { call: { id: 'c', name: 'f', input: {} } }
    const { sent, content } = await world.ask({ target: 'anthropic', body, said })
    expect(sent).toMatchObject(body)
    expect(sent).not.toHaveProperty('system')
    expect(content).toEqual([called('f', {})])
  })

  it.each([{ type: 'enabled', budget_tokens: 2000 }, { type: 'adaptive' }, { type: 'between_tools' }])(
    'forces no call where the model is to think: %j',
    async (thinking) => {
      await start(tooluse)
      for (const target of TARGETS) {
        const answered = await world.ask({ target, body: { tools, thinking }, said: { call: exit } })
        expect(toolsOf(answered)).toContain('"ExitTool"')
        expect(toolsOf(answered)).not.toMatch(/"type":"any"|"required"\]|"mode":"ANY"/)
        expect(answered.content).toEqual([text(answer)])
      }
    },
  )

  it('keeps what the client says of calls side by side', async () => {
    await start(tooluse)
    const tool_choice = { type: 'auto', disable_parallel_tool_use: true }
    const { sent } = await world.ask({ target: 'anthropic', body: { tools, tool_choice } })
    expect(sent['tool_choice']).toEqual({ type: 'any', disable_parallel_tool_use: true })
  })

  it.each<readonly [unknown, unknown]>([
    ['Be brief.', expect.stringMatching(/^Be brief\.\n\n<system-reminder>/)],
    [[text('Be brief.')], [text('Be brief.'), text(expect.stringMatching(/^<system-reminder>/) as string)]],
    [undefined, expect.stringMatching(/^<system-reminder>/)],
  ])('reminds behind the system prompt %j', async (system, expected) => {
    await start(tooluse)
    const { sent } = await world.ask({ target: 'anthropic', body: { tools, ...(system !== undefined && { system }) } })
    expect(sent['system']).toEqual(expected)
  })

  it('streams the response as it arrives, wherever it and the bytes are cut', async () => {
    await start(tooluse)
    const json = JSON.stringify(exit.input).replace('🙂', '\\ud83d\\ude42')
    for (let size = 1; size < 12; size++) {
      const pieces = json.match(new RegExp(`[^]{1,${size}}`, 'g'))!
      const chunks = [
        chunk(calls(part(0, { name: 'ExitTool', arguments: '' }, 'a'))),
        ...pieces.map((piece) => chunk(calls(part(0, { arguments: piece })))),
        chunk({}, 'tool_calls'),
      ]
      const { content, events, message } = await world.ask({ body: { tools }, chunks, cuts: [size * 97, size * 211] })
      expect([content, message?.stop_reason]).toEqual([[text(answer)], 'end_turn'])
      if (size < 3) expect(events.filter(({ type }) => type === 'content_block_delta').length).toBeGreaterThan(6)
    }
  })

  it('takes it in a single delta, with the finish reason', async () => {
    await start(tooluse)
    const chunks = [chunk(calls(part(0, { name: 'ExitTool', arguments: '{"response":"a"}' }, 'a')), 'tool_calls')]
    expect((await world.ask({ body: { tools }, chunks })).content).toEqual([text('a')])
  })

  it('keeps real calls beside it, and its text', async () => {
    await start(tooluse)
    const exits = part(0, { name: 'ExitTool', arguments: '{"response":"I look."}' }, 'a')
    const silent = part(1, { name: 'ExitTool', arguments: '{"response":""}' }, 'b')
    const real = part(2, { name: 'f', arguments: '{"a":1}' }, 'c')
    const { message } = await world.ask({ body: { tools }, chunks: [chunk(calls(exits, silent, real), 'tool_calls')] })
    expect(message).toMatchObject({ stop_reason: 'tool_use', content: [text('I look.'), called('f', { a: 1 })] })
  })

  it('keeps another reason to stop, with what has arrived', async () => {
    await start(tooluse)
    const chunks = [chunk(calls(part(0, { name: 'ExitTool', arguments: '{"response":"ha' }, 'a')), 'length')]
    const { message, content } = await world.ask({ body: { tools }, chunks })
    expect([content, message?.stop_reason]).toEqual([[text('ha')], 'max_tokens'])
  })

  it('gives no half of a response out as a whole one', async () => {
    await start(tooluse)
    const chunks = [chunk(calls(part(0, { name: 'ExitTool', arguments: '{"response":"ha' }, 'a')), 'tool_calls')]
    expect((await world.ask({ body: { tools }, chunks })).error).toMatchObject({ type: 'api_error' })
  })

  it('reads what enhancetool has repaired', async () => {
    await start(tooluse, enhancetool)
    const chunks = [chunk(calls(part(0, { name: 'ExitTool', arguments: "{'response': 'a'}" }, 'a')), 'tool_calls')]
    expect((await world.ask({ body: { tools }, chunks })).content).toEqual([text('a')])
  })
})

describe.each([true, false])('rule 170, enhancetool, streamed: %s', (stream) => {
  const answer = (argument: string | readonly string[], finish = 'tool_calls') => {
    const all = [argument].flat().map((one, index) => part(index, { name: `f${index}`, arguments: one }, `id${index}`))
    return [stream ? chunk(calls(...all), finish) : completion({ content: 'a', tool_calls: all }, finish)]
  }
  const said = stream ? [] : [text('a')]

  it.each([['tool_calls'], ['stop'], ['function_call']])('repairs relaxed JSON, finished with %s', async (finish) => {
    await start(enhancetool)
    const { message } = await world.ask({ stream, chunks: answer("{path: 'a', n: 1,}", finish) })
    expect(message).toMatchObject({ stop_reason: 'tool_use', content: [...said, called('f0', { path: 'a', n: 1 })] })
  })

  it('repairs several calls of one delta, and leaves those alone that need no repair', async () => {
    await start(enhancetool)
    const { content } = await world.ask({ stream, chunks: answer(['{"a":1}', "{'b': 2}", '{c: 3}', '{"d":4}']) })
    const expected = [{ a: 1 }, { b: 2 }, { c: 3 }, { d: 4 }].map((input, index) => called(`f${index}`, input))
    expect(content).toEqual([...said, ...expected])
  })

  it('rule 73: has calls without arguments as such', async () => {
    await start(enhancetool)
    expect((await world.ask({ stream, chunks: answer(['', '{}', ' ']) })).content).toEqual([
      ...said,
      ...[0, 1, 2].map((index) => called(`f${index}`, {})),
    ])
  })

  it('rule 74, rule 110: never completes what the token limit cut', async () => {
    await start(enhancetool)
    for (const cut of ['{"a":1', "{'a': 1}", '{"path":"x","content":"y']) {
      const { message, events } = await world.ask({ stream, chunks: answer(['{"ok":1}', cut], 'length') })
      expect(message).toMatchObject({ stop_reason: 'max_tokens', content: [...said, called('f0', { ok: 1 })] })
      if (stream) expect(JSON.stringify(events)).toContain(JSON.stringify(cut))
    }
  })

  it.each(['{"a":', '{"a":"x', 'hello', '[1]', '"x"', '{"a":1}{"b":2}'])(
    'fault row 63: fails for what is no object however it is read: %s',
    async (argument) => {
      await start(enhancetool)
      const { error, events, status, message } = await world.ask({ stream, chunks: answer(argument) })
      expect([message, error]).toEqual([undefined, expect.objectContaining({ type: 'api_error' })])
      if (!stream) expect(status).toBe(502)
      else expect(events.map(({ type }) => type)).not.toContain('content_block_stop')
    },
  )

  it.each(["{'a': 1}", '{"a":1', '{"a":1}}'])('fault row 63: without it such arguments fail: %s', async (argument) => {
    await start()
    const { error, events, status } = await world.ask({ stream, chunks: answer(argument) })
    expect(error).toMatchObject({ type: 'api_error', message: expect.stringContaining("'f0'") as string })
    if (!stream) expect(status).toBe(502)
    // Clients that run a call as soon as it ends must not see it end.
    else expect(events.map(({ type }) => type)).not.toContain('content_block_stop')
  })
})

describe('rule 170, a stream', () => {
  it('that ends early gives out no call as a whole one', async () => {
    await start(enhancetool)
    const chunks = [chunk(calls(part(0, { name: 'f', arguments: "{'a': 1}" }, 'a')))]
    const { error, events } = await world.ask({ chunks })
    expect(error).toMatchObject({ type: 'api_error' })
    expect(events.map(({ type }) => type)).not.toContain('content_block_stop')
  })

  it('of arguments in many pieces, between text and cut anywhere, is the same', async () => {
    await start(enhancetool)
    const pieces = "{'päth': 'a b', n: [1, 2,]}".match(/.{1,3}/g)!
    const chunks = [
      chunk({ content: 'I call.' }),
      chunk(calls(part(0, { name: 'f', arguments: '' }, 'a'))),
      ...pieces.map((piece) => chunk(calls(part(0, { arguments: piece })))),
      chunk(calls(part(1, { name: 'g', arguments: '{"b":1}' }, 'b'))),
      chunk({}, 'tool_calls', { usage: { prompt_tokens: 3, completion_tokens: 9 } }),
    ]
    for (let at = 1; at < 1500; at += 41) {
      const { message } = await world.ask({ chunks, cuts: [at] })
      expect(message).toMatchObject({ stop_reason: 'tool_use', usage: { input_tokens: 3, output_tokens: 9 } })
      const [first, second] = [called('f', { päth: 'a b', n: [1, 2] }), called('g', { b: 1 })]
      expect(message!.content).toEqual([text('I call.'), first, second])
    }
  })

  it.each(['anthropic', 'openai', 'openai-responses'] as const)('of a %s target is repaired', async (target) => {
    world = await createTransformerWorld(enhancetool)
    const said = { call: { id: 'call_1', name: 'f', input: { a: 777 } } }
    const relaxed = (answer: string): string => answer.replaceAll('777}', '777,}')
    const { content } = await world.ask({ target, said, edit: relaxed })
    expect(streamedAnswer(target, said)).not.toBe(relaxed(streamedAnswer(target, said)))
    expect(content).toEqual([called('f', { a: 777 })])
  })
})
