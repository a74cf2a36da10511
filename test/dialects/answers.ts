import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What an upstream of a test says, whatever protocol it speaks. */
export interface Said {
  readonly thinking?: string
  readonly text?: string
  readonly call?: { readonly id: string; readonly name: string; readonly input: Readonly<Record<string, unknown>> }
  /** Cut by the token limit. */
  readonly cut?: boolean
}

/** An error in the words of the upstream's protocol; only one has a place for details. */
export interface Refused {
  readonly status: number
  readonly message: string
  readonly details?: object
  /** Its body, where it is not the protocol's form of a rate limit; a text is sent as it is. */
  readonly body?: object | string
  readonly contentType?: string
}

/** The wire protocols that providers speak. */
export const TARGETS = ['anthropic', 'openai', 'openai-responses', 'gemini'] as const
export type TargetName = (typeof TARGETS)[number]

/** Tokens that every answer counts. */
export const USAGE = { input: 40, cached: 60, output: 7 } as const

export interface ProtocolUpstream {
  /** What stands as `api_base_url` for a provider of this protocol. */
  base(target: TargetName): string
  /** The bodies it was sent, newest last. */
  readonly bodies: readonly string[]
  /** What it says to the next requests. */
  answer: (body: string) => Said | Refused
  close(): Promise<void>
}

/** The providers of a router that reaches the upstream in each protocol, named after it. */
export function providersAt(upstream: ProtocolUpstream): readonly object[] {
  return TARGETS.map((dialect) => {
    return { name: dialect, dialect, api_base_url: upstream.base(dialect), api_key: 'sk-upstream', models: ['m'] }
  })
}

/** An upstream that says the same in each of the four protocols, by the path that is asked. */
export async function startProtocolUpstream(): Promise<ProtocolUpstream> {
  const bodies: string[] = []
  const upstream = { answer: (): Said => ({ text: 'nothing' }) } as unknown as ProtocolUpstream
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      bodies.push(body)
      const said = upstream.answer(body)
      const target = targetOf(request.url!)
      if ('status' in said) return fail(response, target, said)
      const streamed = target === 'gemini' ? request.url!.includes('streamGenerateContent') : streams(body)
      if (streamed) stream(response, STREAMS[target](said))
      else response.setHeader('content-type', 'application/json').end(JSON.stringify(WHOLE[target](said)))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(upstream, {
    bodies,
    base: (target: TargetName) => (target === 'gemini' ? `${origin}/v1beta/models` : origin),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  })
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

function streams(body: string): boolean {
  return (JSON.parse(body) as { stream?: boolean }).stream === true
}

function targetOf(url: string): TargetName {
  if (url.startsWith('/v1/messages')) return 'anthropic'
  if (url.startsWith('/v1/chat/completions')) return 'openai'
  return url.startsWith('/v1/responses') ? 'openai-responses' : 'gemini'
}

/** Named events where the protocol names them; the end marker is a bare text. */
type Frame = { readonly event?: string; readonly data: unknown }

function stream(response: ServerResponse, frames: readonly Frame[]): void {
  response.setHeader('content-type', 'text/event-stream')
  for (const frame of frames) response.write(textOf(frame))
  response.end()
}

function textOf({ event, data }: Frame): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return `${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`
}

function fail(response: ServerResponse, target: TargetName, refused: Refused): void {
  const { status, message, details, body, contentType = 'application/json' } = refused
  const bodies: Record<TargetName, object> = {
    anthropic: { type: 'error', error: { type: 'rate_limit_error', message, details } },
    openai: { error: { message, type: 'requests', code: 'rate_limit_exceeded' } },
    'openai-responses': { error: { message, type: 'requests', code: 'rate_limit_exceeded' } },
    gemini: { error: { code: status, message, status: 'RESOURCE_EXHAUSTED' } },
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? bodies[target])
  response.writeHead(status, { 'content-type': contentType }).end(text)
}

const named = (data: { readonly type: string }): Frame => ({ event: data.type, data })
const bare = (data: unknown): Frame => ({ data })
const halves = (text: string): string[] => [text.slice(0, text.length / 2), text.slice(text.length / 2)]

const ANTHROPIC_USAGE = {
  input_tokens: USAGE.input,
  cache_read_input_tokens: USAGE.cached,
  cache_creation_input_tokens: 0,
  output_tokens: USAGE.output,
}
const CHAT_USAGE = {
  prompt_tokens: USAGE.input + USAGE.cached,
  completion_tokens: USAGE.output,
  total_tokens: USAGE.input + USAGE.cached + USAGE.output,
  prompt_tokens_details: { cached_tokens: USAGE.cached },
}
const RESPONSES_USAGE = {
  input_tokens: USAGE.input + USAGE.cached,
  input_tokens_details: { cached_tokens: USAGE.cached },
  output_tokens: USAGE.output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: USAGE.input + USAGE.cached + USAGE.output,
}
const GEMINI_USAGE = {
  promptTokenCount: USAGE.input + USAGE.cached,
  cachedContentTokenCount: USAGE.cached,
  candidatesTokenCount: USAGE.output,
  totalTokenCount: USAGE.input + USAGE.cached + USAGE.output,
}

function anthropicBlocks({ thinking, text, call }: Said): readonly Readonly<Record<string, unknown>>[] {
  return [
    ...(thinking === undefined ? [] : [{ type: 'thinking', thinking, signature: 'c2lnbmF0dXJl' }]),
    ...(text === undefined ? [] : [{ type: 'text', text }]),
    ...(call === undefined ? [] : [{ type: 'tool_use', ...call }]),
  ]
}

const anthropicStop = ({ call, cut }: Said): string => (cut ? 'max_tokens' : call ? 'tool_use' : 'end_turn')
const chatStop = ({ call, cut }: Said): string => (cut ? 'length' : call ? 'tool_calls' : 'stop')
const geminiStop = ({ cut }: Said): string => (cut ? 'MAX_TOKENS' : 'STOP')

const MESSAGE = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_sequence: null }
const CHUNK = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm' }
const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  created_at: 1_700_000_000,
  model: 'm',
  error: null,
  parallel_tool_calls: true,
  tool_choice: 'auto',
  tools: [],
}

const WHOLE: Record<TargetName, (said: Said) => object> = {
  anthropic: (said) => ({
    ...MESSAGE,
    content: anthropicBlocks(said),
    stop_reason: anthropicStop(said),
    usage: ANTHROPIC_USAGE,
  }),
  openai: (said) => {
    const message = {
      role: 'assistant',
      content: said.text ?? null,
      ...(said.thinking !== undefined && { reasoning_content: said.thinking }),
      ...(said.call && { tool_calls: [chatCall(said.call)] }),
    }
    const choice = { index: 0, message, finish_reason: chatStop(said) }
    return { ...CHUNK, object: 'chat.completion', choices: [choice], usage: CHAT_USAGE }
  },
  'openai-responses': (said) => completedResponse(said),
  gemini: (said) => geminiChunk(geminiParts(said), geminiStop(said)),
}

/** What this upstream says in one piece. */
export function wholeAnswer(target: TargetName, said: Said): object {
  return WHOLE[target](said)
}

/** The same as a stream. */
export function streamedAnswer(target: TargetName, said: Said): string {
  return STREAMS[target](said).map(textOf).join('')
}

const chatCall = ({ id, name, input }: NonNullable<Said['call']>) => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify(input) },
})

function responseItems({ thinking, text, call }: Said): readonly Readonly<Record<string, unknown>>[] {
  return [
    ...(thinking === undefined
      ? []
      : [
          {
            type: 'reasoning',
            id: 'rs_1',
            summary: [{ type: 'summary_text', text: thinking }],
            encrypted_content: 'ZW5j',
          },
        ]),
    ...(text === undefined
      ? []
      : [
          {
            type: 'message',
            id: 'msg_1',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text, annotations: [] }],
          },
        ]),
    ...(call === undefined
      ? []
      : [
          {
            type: 'function_call',
            id: 'fc_1',
            call_id: call.id,
            name: call.name,
            arguments: JSON.stringify(call.input),
            status: 'completed',
          },
        ]),
  ]
}

function completedResponse(said: Said): Readonly<Record<string, unknown>> {
  const end = said.cut
    ? { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
    : { status: 'completed', incomplete_details: null }
  return { ...RESPONSE, ...end, output: responseItems(said), usage: RESPONSES_USAGE }
}

function geminiParts({ thinking, text, call }: Said): readonly object[] {
  return [
    ...(thinking === undefined ? [] : [{ text: thinking, thought: true }]),
    ...(text === undefined ? [] : [{ text }]),
    ...(call === undefined ? [] : [{ functionCall: { name: call.name, args: call.input } }]),
  ]
}

function geminiChunk(parts: readonly object[], finishReason?: string): object {
  const candidate = { content: { role: 'model', parts }, index: 0, ...(finishReason && { finishReason }) }
  return { candidates: [candidate], ...(finishReason && { usageMetadata: GEMINI_USAGE }), modelVersion: 'm' }
}

const STREAMS: Record<TargetName, (said: Said) => readonly Frame[]> = {
  anthropic: (said) => [
    named({
      type: 'message_start',
      message: { ...MESSAGE, content: [], stop_reason: null, usage: ANTHROPIC_USAGE },
    } as never),
    ...anthropicBlocks(said).flatMap((block, index) => anthropicBlock(block, index)),
    named({
      type: 'message_delta',
      delta: { stop_reason: anthropicStop(said), stop_sequence: null },
      usage: { output_tokens: USAGE.output },
    } as never),
    named({ type: 'message_stop' }),
  ],
  openai: (said) => {
    const delta = (part: object): Frame => bare({ ...CHUNK, choices: [{ index: 0, delta: part, finish_reason: null }] })
    const { thinking, text, call } = said
    const [first, second] = call ? halves(JSON.stringify(call.input)) : []
    return [
      delta({ role: 'assistant', content: '' }),
      ...(thinking === undefined ? [] : halves(thinking).map((part) => delta({ reasoning_content: part }))),
      ...(text === undefined ? [] : halves(text).map((part) => delta({ content: part }))),
      ...(call === undefined
        ? []
        : [
            delta({
              tool_calls: [
                { index: 0, id: call.id, type: 'function', function: { name: call.name, arguments: first } },
              ],
            }),
            delta({ tool_calls: [{ index: 0, function: { arguments: second } }] }),
          ]),
      bare({ ...CHUNK, choices: [{ index: 0, delta: {}, finish_reason: chatStop(said) }] }),
      bare({ ...CHUNK, choices: [], usage: CHAT_USAGE }),
      bare('[DONE]'),
    ]
  },
  'openai-responses': (said) => {
    const end = completedResponse(said)
    const items = end['output'] as readonly Readonly<Record<string, unknown>>[]
    const events = [
      { type: 'response.created', response: { ...RESPONSE, status: 'in_progress', output: [] } },
      ...items.flatMap((item, index) => responseItem(item, index)),
      { type: said.cut ? 'response.incomplete' : 'response.completed', response: end },
    ]
    return events.map((event, index) => named({ ...event, sequence_number: index } as unknown as { type: string }))
  },
  gemini: (said) => {
    const parts = geminiParts(said)
    return parts.map((part, index) =>
      bare(geminiChunk([part], index === parts.length - 1 ? geminiStop(said) : undefined)),
    )
  },
}

function anthropicBlock(block: Readonly<Record<string, unknown>>, index: number): readonly Frame[] {
  const start = (content_block: object): Frame => named({ type: 'content_block_start', index, content_block } as never)
  const delta = (part: object): Frame => named({ type: 'content_block_delta', index, delta: part } as never)
  const stop = named({ type: 'content_block_stop', index } as never)
  if (block['type'] === 'thinking') {
    const { thinking, signature } = block as { thinking: string; signature: string }
    const parts = halves(thinking).map((part) => delta({ type: 'thinking_delta', thinking: part }))
    const sign = delta({ type: 'signature_delta', signature })
    return [start({ type: 'thinking', thinking: '', signature: '' }), ...parts, sign, stop]
  }
  if (block['type'] === 'text') {
    const parts = halves(block['text'] as string).map((text) => delta({ type: 'text_delta', text }))
    return [start({ type: 'text', text: '' }), ...parts, stop]
  }
  const parts = halves(JSON.stringify(block['input']))
  const deltas = parts.map((partial_json) => delta({ type: 'input_json_delta', partial_json }))
  return [start({ ...block, input: {} }), ...deltas, stop]
}

function responseItem(item: Readonly<Record<string, unknown>>, output_index: number): readonly object[] {
  const at = { output_index, item_id: item['id'] }
  const done = { type: 'response.output_item.done', output_index, item }
  if (item['type'] === 'message') {
    const [part] = item['content'] as [{ text: string }]
    const empty = { ...part, text: '' }
    const place = { ...at, content_index: 0 }
    return [
      { type: 'response.output_item.added', output_index, item: { ...item, status: 'in_progress', content: [] } },
      { type: 'response.content_part.added', ...place, part: empty },
      ...halves(part.text).map((delta) => ({ type: 'response.output_text.delta', ...place, delta, logprobs: [] })),
      { type: 'response.output_text.done', ...place, text: part.text, logprobs: [] },
      { type: 'response.content_part.done', ...place, part },
      done,
    ]
  }
  if (item['type'] === 'reasoning') {
    const [part] = item['summary'] as [{ text: string }]
    const place = { ...at, summary_index: 0 }
    return [
      { type: 'response.output_item.added', output_index, item: { ...item, summary: [] } },
      { type: 'response.reasoning_summary_part.added', ...place, part: { ...part, text: '' } },
      ...halves(part.text).map((delta) => ({ type: 'response.reasoning_summary_text.delta', ...place, delta })),
      { type: 'response.reasoning_summary_text.done', ...place, text: part.text },
      { type: 'response.reasoning_summary_part.done', ...place, part },
      done,
    ]
  }
  const { arguments: text } = item as { arguments: string }
  return [
    { type: 'response.output_item.added', output_index, item: { ...item, status: 'in_progress', arguments: '' } },
    ...halves(text).map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })),
    { type: 'response.function_call_arguments.done', ...at, name: item['name'], arguments: text },
    done,
  ]
}
