import fc from 'fast-check'
import type { CanonicalRequest, ContentBlock, Message } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { captures, continuesThread } from '../test/captures.ts'
import { encode, FUZZ_MS, RUNS } from '../test/harness.ts'
import { input } from '../test/scripts.ts'
import { client } from './client.ts'

/** A canonical request to this protocol and back. */
function there(request: Partial<CanonicalRequest>): CanonicalRequest {
  const body = Buffer.from(JSON.stringify(encode(request)))
  return client.decode({ body, headers: {}, url: '/v1/chat/completions', params: {} }).request
}

interface Turn {
  readonly role: 'user' | 'assistant'
  /** Everything that was said, with marks where an image stands. */
  said: string
  readonly calls: object[]
  readonly results: object[]
  /** System messages, which stand between others. */
  readonly system: string[]
}

/** A history without what the table of losses names: boundaries of blocks and messages, places of result images. */
function turnsOf({ messages }: Pick<CanonicalRequest, 'messages'>): readonly Turn[] {
  const turns: Turn[] = []
  const shown: string[] = []
  const turnOf = (role: Turn['role']): Turn => {
    if (turns.at(-1)?.role !== role) {
      shown.length = 0
      turns.push({ role, said: '', calls: [], results: [], system: [] })
    }
    return turns.at(-1)!
  }
  for (const message of messages) {
    const turn = turnOf(message.role === 'assistant' ? 'assistant' : 'user')
    if (message.role === 'system') turn.system.push(textOf(message.content))
    else for (const block of blocksOf(message)) add(turn, block, shown)
  }
  return turns.map((turn) => ({ ...turn, said: turn.said.replaceAll('\n\n', '') }))
}

function add(turn: Turn, block: ContentBlock, shown: string[]): void {
  const { type, ...fields } = block as Readonly<Record<string, unknown>> & ContentBlock
  if (type === 'text') turn.said += fields['text'] as string
  else if (type === 'image') turn.said += `<${(fields['source'] as { data: string }).data}>`
  else if (type === 'tool_use') turn.calls.push({ id: fields['id'], name: fields['name'], input: fields['input'] })
  else if (type === 'tool_result') {
    const content = fields['content'] as Message['content']
    turn.results.push({ id: fields['tool_use_id'], text: textOf(content) })
    const inner = blocksOf({ role: 'user', content })
    for (const one of inner) if (one.type === 'image') add(turn, one, shown)
  }
}

function blocksOf({ content }: Message): readonly ContentBlock[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

function textOf(content: Message['content']): string {
  const texts = blocksOf({ role: 'user', content }).map((block) =>
    block.type === 'text' ? (block as { text: string }).text : '',
  )
  return texts.join('').replace('[the result is the image below]', '').replaceAll('\n\n', '')
}

/** Histories in which every call is answered; numbers make each text, image and id one of its kind. */
function histories(): fc.Arbitrary<readonly Message[]> {
  const step = fc.record({
    texts: fc.nat(2),
    images: fc.nat(2),
    inputs: fc.array(input, { maxLength: 3 }),
    results: fc.constantFrom('text', 'blocks', 'image', 'both'),
    system: fc.boolean(),
    unicode: fc.string({ maxLength: 5, unit: 'grapheme' }),
  })
  return fc.array(step, { minLength: 1, maxLength: 6 }).map((steps) => {
    let count = 0
    const text = (unicode = ''): ContentBlock => ({ type: 'text', text: `${unicode.trim()}t${++count};` })
    const image = (): ContentBlock => ({
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: `I${++count}base64,` },
    })
    const contents = { text: () => `r${++count};`, blocks: () => [text(), text()], image: () => [image()] }
    const messages: Message[] = []
    let open: string[] = []
    for (const { texts, images, inputs, results, system, unicode } of steps) {
      const answers = open.map((id): ContentBlock => {
        const content = results === 'both' ? [text(), image()] : contents[results as keyof typeof contents]()
        return { type: 'tool_result', tool_use_id: id, content }
      })
      const rest = [...Array.from({ length: images }, image), text(unicode)]
      messages.push({ role: 'user', content: [...answers, ...rest] })
      if (system) messages.push({ role: 'system', content: `s${++count};` })
      const calls = inputs.map((one) => ({ type: 'tool_use', id: `call_${++count}`, name: `f${count}`, input: one }))
      open = calls.map(({ id }) => id)
      const said = Array.from({ length: texts }, () => text(unicode))
      if (said.length + calls.length > 0) messages.push({ role: 'assistant', content: [...said, ...calls] })
    }
    const answers = open.map((id): ContentBlock => ({ type: 'tool_result', tool_use_id: id, content: 'end' }))
    if (answers.length > 0) messages.push({ role: 'user', content: answers })
    return messages
  })
}

const fields: fc.Arbitrary<Partial<CanonicalRequest>> = fc.record(
  {
    system: fc.constantFrom('a system prompt'),
    max_tokens: fc.nat(),
    temperature: fc.constantFrom(0, 0.5, 1),
    top_p: fc.constantFrom(0.1, 1),
    stop_sequences: fc.array(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
    thinking: fc.constant({ type: 'adaptive' as const }),
    output_config: fc.record({ effort: fc.constantFrom('low', 'medium', 'high', 'xhigh', 'max') }),
  },
  { requiredKeys: ['thinking', 'output_config'] },
)

describe('a request to this protocol and back', { timeout: FUZZ_MS }, () => {
  it('keeps text, images, ids, order and tool pairs of any history', () => {
    fc.assert(
      fc.property(histories(), (messages) => {
        expect(turnsOf(there({ messages }))).toEqual(turnsOf({ messages }))
      }),
      { numRuns: RUNS },
    )
  })

  it('keeps the settings that both protocols have', () => {
    const tools = [{ name: 'f', description: 'd', input_schema: { type: 'object', properties: { a: {} } } }]
    const tool_choice = { type: 'any', disable_parallel_tool_use: true } as const
    fc.assert(
      fc.property(fields, (request) => {
        const {
          extra: _extra,
          stream: _stream,
          model: _model,
          messages: _messages,
          ...back
        } = there({
          ...request,
          tools,
          tool_choice,
        })
        expect(back).toEqual({ ...request, tools, tool_choice })
      }),
      { numRuns: Math.ceil(RUNS / 5) },
    )
  })

  it.each([
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    ['any', { type: 'any' }],
    ['one tool', { type: 'tool', name: 'f' }],
  ] as const)('keeps the tool choice %s', (_what, tool_choice) => {
    expect(there({ tools: [{ name: 'f' }], tool_choice }).tool_choice).toEqual(tool_choice)
  })

  it('keeps files, as documents', () => {
    const source = { type: 'base64', media_type: 'application/pdf', data: 'AA' }
    const document: ContentBlock = { type: 'document', title: 'a.pdf', source }
    expect(there({ messages: [{ role: 'user', content: [document] }] }).messages).toEqual([
      { role: 'user', content: [document] },
    ])
  })

  it('keeps the turns, calls and results of every captured request', () => {
    for (const { name, request } of captures().filter((capture) => !continuesThread(capture))) {
      const back = turnsOf(there(request))
      const before = turnsOf(request)
      expect(
        back.map(({ role }) => role),
        name,
      ).toEqual(before.map(({ role }) => role))
      expect(
        back.map(({ calls }) => calls),
        name,
      ).toEqual(before.map(({ calls }) => calls))
      const ids = (turns: readonly Turn[]): unknown[] =>
        turns.flatMap(({ results }) => results.map((result) => (result as { id: string }).id))
      expect(ids(back), name).toEqual(ids(before))
      expect(
        back.map(({ said }) => said),
        name,
      ).toEqual(before.map(({ said }) => said))
    }
  })
})
