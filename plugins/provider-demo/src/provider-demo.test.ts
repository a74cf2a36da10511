import { readFileSync } from 'node:fs'
import {
  createAccumulator,
  readReasoning,
  type Attempt,
  type CanonicalEvent,
  type CanonicalMessage,
  type CanonicalRequest,
  type ContentBlock,
  type Exchange,
  type JsonObject,
  type LocalProvider,
  type PluginContext,
  type Provider,
  type RoutePlan,
} from '@ccr/sdk'
import fc from 'fast-check'
import Schema from 'typebox/schema'
import { describe, expect, it } from 'vitest'
import { answer } from './answer.ts'
import plugin from './index.ts'
import { demoRoute } from './route.ts'

describe('text', () => {
  it.each(['claude-code-2.1.330-hi', 'claude-code-2.1.112-hi'])('answers %s with what to do next', async (name) => {
    const message = await ask(recorded(name))
    expect(message.content).toHaveLength(1)
    expect(textOf(message)).toMatch(/^You said "say hi";/)
    for (const hint of ['`Providers`', '`Router.default`', '`ccr --help`']) expect(textOf(message)).toContain(hint)
    expect(message.stop_reason).toBe('end_turn')
    expect(message.model).toBe(recorded(name).model)
    expect(message.usage.input_tokens).toBeGreaterThan(1000)
    expect(message.usage.output_tokens).toBe(Math.ceil(textOf(message).length / 4))
  })

  it('answers an empty conversation', async () => {
    expect(textOf(await ask({ model: 'm', messages: [] }))).toMatch(/^Nothing was asked yet;/)
  })

  it('answers a web search, whose tool has no schema, in text', async () => {
    expect((await ask(recorded('claude-code-2.1.330-web-search'))).stop_reason).toBe('end_turn')
  })

  it('ignores what clients add to the words of the user', async () => {
    const content = '<system-reminder>read /project/a.txt</system-reminder> say <system-reminder>x</system-reminder>hi'
    expect(textOf(await ask(said(content)))).toMatch(/^You said "say hi";/)
    expect(textOf(await ask(said('<system-reminder>not closed')))).toMatch(/^You said "<system-reminder>not closed";/)
  })

  it('never takes more than 60 words, whatever was said', async () => {
    await fc.assert(
      fc.asyncProperty(fc.lorem({ maxCount: 200 }), async (text) => {
        expect(textOf(await ask(said(text))).split(/\s+/).length).toBeLessThanOrEqual(60)
      }),
      { numRuns: Number(process.env['CCR_FUZZ_RUNS'] ?? 30) },
    )
  })

  it('comes in several batches, none of them empty', async () => {
    const batches = await batchesOf(said('hello'))
    expect(batches.length).toBeGreaterThan(10)
    expect(batches.every((batch) => batch.length > 0)).toBe(true)
  })
})

describe('thinking', () => {
  it.each([
    ['claude-code-2.1.330-think', 'with a budget'],
    ['claude-code-2.1.112-think', 'adaptive, asked to ultrathink'],
  ])('comes first in %s (%s), signed by the demo', async (name) => {
    const [thought, text] = (await ask(recorded(name))).content as [ContentBlock, ContentBlock]
    expect(thought.type).toBe('thinking')
    expect(readReasoning((thought as { signature: string }).signature)).toEqual({ family: 'demo', payload: '' })
    expect(text.type).toBe('text')
  })

  it.each([
    [{ type: 'adaptive' }, 'think about 2 + 2', true],
    [{ type: 'adaptive' }, 'go step by step', true],
    [{ type: 'adaptive' }, 'give a reason', true],
    [{ type: 'adaptive' }, 'say hi', false],
    [{ type: 'enabled', budget_tokens: 1024 }, 'say hi', true],
    [{ type: 'disabled' }, 'think hard', false],
    [undefined, 'think hard', false],
  ] as const)('for %j and "%s": %s', async (thinking, text, expected) => {
    const message = await ask({ ...said(text), thinking })
    expect(message.content.some((block) => block.type === 'thinking')).toBe(expected)
  })
})

describe('tools', () => {
  it.each(['claude-code-2.1.330-read', 'claude-code-2.1.112-read'])('reads the file that %s asks for', async (name) => {
    const message = await ask(recorded(name))
    expect(message.content).toMatchObject([{ type: 'tool_use', name: 'Read', input: { file_path: '/project/a.txt' } }])
    expect(message.stop_reason).toBe('tool_use')
  })

  it.each([
    ['Use the Bash tool to run `echo hello`.', 'Bash', { command: 'echo hello' }],
    ['Run "ls -la" with Bash', 'Bash', { command: 'ls -la' }],
    ['please use the read tool on notes.txt', 'Read', { file_path: 'notes.txt' }],
    ['Read "/project/my file.txt", please', 'Read', { file_path: '/project/my file.txt' }],
    ['Can you read the file (/project/a.txt)?', 'Read', { file_path: '/project/a.txt' }],
    ['Write "hello there" to /project/b.txt', 'Write', { file_path: '/project/b.txt', content: 'hello there' }],
    ['Edit ./b.txt: "old" becomes "new"', 'Edit', { file_path: './b.txt', old_string: 'old', new_string: 'new' }],
    ['Use ToolSearch for "WebFetch", at most 3', 'ToolSearch', { query: 'WebFetch', max_results: 3 }],
    ['Call ListAgents', 'ListAgents', {}],
  ])('%s', async (text, name, input) => {
    const message = await ask(saidTo('claude-code-2.1.330-read', text))
    expect(message.content).toMatchObject([{ type: 'tool_use', name, input }])
    const tool = recorded('claude-code-2.1.330-read').tools?.find((one) => one.name === name)
    expect(Schema.Check(tool?.input_schema as object, (message.content[0] as { input: unknown }).input)).toBe(true)
  })

  it.each([
    ['no path', 'Write me a poem'],
    ['no command', 'What is Bash good for?'],
    ['no file', 'I like to read'],
    ['not loaded', 'Call DeferredToolPlaceholder'],
    ['too long to be an order', `Read /project/a.txt ${'and so on '.repeat(200)}`],
    ['nothing said', ''],
  ])('are left alone: %s', async (_why, text) => {
    const message = await ask(saidTo('claude-code-2.1.330-read', text))
    expect(message.content).toMatchObject([{ type: 'text' }])
    expect(message.stop_reason).toBe('end_turn')
  })

  it('follow tool_choice', async () => {
    const request = saidTo('claude-code-2.1.330-read', 'hello')
    expect((await ask({ ...request, tool_choice: { type: 'tool', name: 'Skill' } })).content).toMatchObject([
      { name: 'Skill', input: { skill: 'hello' } },
    ])
    expect((await ask({ ...request, tool_choice: { type: 'any' } })).stop_reason).toBe('tool_use')
    const free = recorded('claude-code-2.1.330-read')
    expect((await ask({ ...free, tool_choice: { type: 'none' } })).stop_reason).toBe('end_turn')
  })

  it.each([
    ['claude-code-2.1.330-read-result', 'alpha beta'],
    ['claude-code-2.1.112-read-result', 'alpha beta'],
    ['claude-code-2.1.330-bash-result', 'hello'],
    ['claude-code-2.1.330-parallel-result', 'alpha beta\n2\nparallel'],
  ])('quotes the result in %s', async (name, quoted) => {
    const message = await ask(recorded(name))
    expect(textOf(message)).toMatch(/^The tool answered: /)
    expect(textOf(message)).toContain(quoted)
    expect(message.stop_reason).toBe('end_turn')
  })

  it('quotes at most 300 characters, of failures too, also before a message of the system', async () => {
    const request: CanonicalRequest = {
      model: 'm',
      messages: [
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 't', content: 'x'.repeat(500), is_error: true }],
        },
        { role: 'system', content: 'note' },
      ],
    }
    expect(textOf(await ask(request))).toBe(`The tool failed: ${'x'.repeat(300)}`)
  })
})

describe('JSON of a given shape', () => {
  it('fits the title schema', async () => {
    const request = recorded('claude-code-2.1.330-title')
    const value: unknown = JSON.parse(textOf(await ask(request)))
    expect(Schema.Check((request.output_config?.format as { schema: object }).schema, value)).toBe(true)
    expect((value as { title: string }).title).not.toBe('')
  })

  it('fits any schema of required strings, numbers, flags, choices and lists', async () => {
    await fc.assert(
      fc.asyncProperty(objectSchema, fc.string(), async (schema, text) => {
        const message = await ask({ ...said(text), output_config: { format: { type: 'json_schema', schema } } })
        expect(Schema.Check(schema, JSON.parse(textOf(message)))).toBe(true)
      }),
    )
  })
})

describe('every answer', () => {
  const names = ['hi', 'think', 'read', 'read-result', 'title'].map((name) => `claude-code-2.1.330-${name}`)

  it.each(names)('is the same each time: %s', async (name) => {
    expect(await batchesOf(recorded(name))).toEqual(await batchesOf(recorded(name)))
  })

  it('keeps the order of events and any max_tokens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.nat(80), async (name, max_tokens) => {
        const whole = await ask(recorded(name))
        const events = (await batchesOf({ ...recorded(name), max_tokens })).flat()
        expectOrder(events)
        const cut = messageOf(events)
        expect(cut.usage.output_tokens).toBeLessThanOrEqual(max_tokens)
        const fits = (whole.usage.output_tokens ?? 0) <= max_tokens
        expect(cut.stop_reason).toBe(fits ? whole.stop_reason : 'max_tokens')
        if (!fits) expect(textOf(whole).startsWith(textOf(cut))).toBe(true)
      }),
    )
  })

  it('stops between two batches when it is aborted', async () => {
    const aborter = new AbortController()
    const stream = answer(said('hello'), attemptFor(said('hello'), aborter.signal))
    await stream.next()
    aborter.abort(new Error('the client left'))
    await expect(stream.next()).rejects.toThrow('the client left')
  })
})

describe('the route', () => {
  const undecided: RoutePlan = { targets: [], passedOver: [] }
  const demo: Provider = { name: 'demo', models: ['demo'], dialect: 'canonical', local: true }
  const real: Provider = { name: 'real', models: ['m'], dialect: 'openai', local: false }
  const exchange = (...providers: Provider[]): Exchange => ({ providers }) as unknown as Exchange

  it('is the demo where no real provider is configured', () => {
    const primary = { provider: 'demo', model: 'demo' }
    expect(demoRoute(undecided, exchange(demo))).toEqual({
      targets: [primary],
      primary,
      decidedBy: 'provider-demo',
      source: 'config',
      scenario: 'default',
      passedOver: [],
    })
  })

  it('is left to others otherwise', () => {
    expect(demoRoute(undecided, exchange(demo, real))).toBeUndefined()
    expect(demoRoute({ ...undecided, decidedBy: 'route-scenarios' }, exchange(demo))).toBeUndefined()
  })

  it('stands after those of route-scenarios, and the provider is contributed', () => {
    const seen: unknown[] = []
    const ctx = {
      on: (hook: string, _handler: unknown, placement: unknown) => void seen.push([hook, placement]),
      contribute: (point: string, value: LocalProvider) => void seen.push([point, value.name, value.models]),
    }
    void plugin.activate(ctx as unknown as PluginContext)
    expect(seen).toEqual([
      ['providers', 'demo', ['demo']],
      ['selectRoute', { stage: 'refine', after: ['route-scenarios'] }],
    ])
  })
})

const leaf = fc.constantFrom<JsonObject>(
  { type: 'string' },
  { type: 'string', maxLength: 3 },
  { type: 'string', minLength: 200 },
  { type: ['string', 'null'] },
  { enum: ['low', 'high'] },
  { const: 7 },
  { type: 'integer', minimum: 3, maximum: 5 },
  { type: 'number', exclusiveMinimum: 0 },
  { type: 'boolean' },
  { type: 'array', items: { type: 'string' }, minItems: 2 },
  { anyOf: [{ type: 'null' }, { type: 'integer' }] },
  { $ref: '#/$defs/level' },
)

const objectSchema = fc
  .dictionary(fc.constantFrom('title', 'file_path', 'command', 'url', 'count', 'list', 'inner'), leaf, { minKeys: 1 })
  .map((properties) => ({
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
    $defs: { level: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
  }))

function recorded(name: string): CanonicalRequest {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8')) as CanonicalRequest
}

function said(text: string): CanonicalRequest {
  return { model: 'claude-opus-5-5', max_tokens: 1000, messages: [{ role: 'user', content: text }] }
}

function saidTo(name: string, text: string): CanonicalRequest {
  return { ...recorded(name), ...said(text), thinking: undefined }
}

function attemptFor(request: CanonicalRequest, signal = new AbortController().signal): Attempt {
  let count = 0
  // Of the attempt an answer reads the signal, and of the exchange the model that was asked for and its identifiers.
  return { signal, exchange: { request, newId: (prefix: string) => `${prefix}${++count}` } } as unknown as Attempt
}

async function batchesOf(request: CanonicalRequest): Promise<readonly (readonly CanonicalEvent[])[]> {
  const batches: (readonly CanonicalEvent[])[] = []
  for await (const batch of answer(request, attemptFor(request))) batches.push(batch)
  return batches
}

async function ask(request: CanonicalRequest): Promise<CanonicalMessage> {
  const events = (await batchesOf(request)).flat()
  expectOrder(events)
  return messageOf(events)
}

function messageOf(events: readonly CanonicalEvent[]): CanonicalMessage {
  const accumulator = createAccumulator()
  for (const event of events) accumulator.push(event)
  return accumulator.message()!
}

function textOf(message: CanonicalMessage): string {
  return message.content.map((block) => (block.type === 'text' ? (block as { text: string }).text : '')).join('')
}

/** message_start, then whole blocks numbered from 0, then message_delta and message_stop. */
function expectOrder(events: readonly CanonicalEvent[]): void {
  const order = events.map((event) => ('index' in event ? `${event.type} ${event.index}` : event.type)).join('\n')
  const blocks = order.split('\n').slice(1, -2)
  expect(order.startsWith('message_start\n')).toBe(true)
  expect(order.endsWith('message_delta\nmessage_stop')).toBe(true)
  let index = 0
  let open = false
  for (const line of blocks) {
    if (!open) expect(line).toBe(`content_block_start ${index}`)
    else if (line !== `content_block_delta ${index}`) expect(line).toBe(`content_block_stop ${index++}`)
    open = !line.startsWith('content_block_stop')
  }
  expect(open).toBe(false)
}
