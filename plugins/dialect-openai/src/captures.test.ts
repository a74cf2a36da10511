import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ContentBlock } from '@ccr/sdk'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { captures, continuesThread, type Capture } from '../test/captures.ts'
import { encode } from '../test/harness.ts'
import { REQUEST_FIELDS } from './fields.ts'
import { sign } from './reasoning.ts'
import type { ChatBody } from './wire.ts'

const require = createRequire(import.meta.url)
const typesAt = (path: string): string => JSON.stringify(require.resolve(path).replace(/\.js$/, ''))

/** What compatible servers take and the official types do not know: the reasoning of the assistant, to its maker. */
const HEAD = `
import type { ChatCompletionAssistantMessageParam, ChatCompletionCreateParams, ChatCompletionMessageParam,
  ChatCompletionTool } from ${typesAt('openai/resources/chat/completions/completions')}
type Reasoning = { reasoning_content?: string; reasoning?: string; reasoning_details?: unknown[] }
type Message = ChatCompletionMessageParam | (ChatCompletionAssistantMessageParam & Reasoning)
type Body = Omit<ChatCompletionCreateParams, 'messages'> & { messages: Message[] }
type Tool = ChatCompletionTool
`

/** Every field of the official Messages request is in the capability list. */
const LISTED = `
import type { MessageCreateParams } from ${typesAt('@anthropic-ai/sdk/resources/beta/messages/messages')}
type Unlisted = Exclude<keyof MessageCreateParams, ${Object.keys(REQUEST_FIELDS)
  .map((field) => JSON.stringify(field))
  .join(' | ')}>
export const everyFieldIsListed: [Unlisted] extends [never] ? true : Unlisted = true
`

/** Bodies as TypeScript literals; each distinct message and tool stands there once. */
class Literals {
  readonly #names = new Map<string, string>()
  #text = ''
  #count = 0

  add(body: ChatBody): void {
    const { messages, tools, ...rest } = body
    const parts = [
      JSON.stringify(rest).slice(1, -1),
      `messages: [${messages.map((message) => this.#hoist('Message', message)).join()}]`,
      ...(tools ? [`tools: [${tools.map((tool) => this.#hoist('Tool', tool)).join()}]`] : []),
    ]
    this.#text += `export const body${this.#count++}: Body = { ${parts.join(', ')} }\n`
  }

  toString(): string {
    return HEAD + this.#text
  }

  #hoist(type: string, value: object): string {
    const literal = JSON.stringify(value)
    let name = this.#names.get(literal)
    if (name === undefined) {
      name = `${type.toLowerCase()}${this.#names.size}`
      this.#names.set(literal, name)
      this.#text += `const ${name}: ${type} = ${literal}\n`
    }
    return name
  }
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ccr-bodies-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the compiler says of these files, in one program. */
function faultsIn(files: Readonly<Record<string, string>>): readonly string[] {
  const paths = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  })
  const program = ts.createProgram(paths, {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  })
  return ts.getPreEmitDiagnostics(program).map(({ messageText, file, start = 0 }) => {
    const at = file?.text.slice(start, start + 80) ?? ''
    return `${ts.flattenDiagnosticMessageText(messageText, '\n')} at ${at}`
  })
}

const all = captures().filter((capture) => !continuesThread(capture))
const thinking = { type: 'thinking', thinking: 'hm', signature: sign('local', 'reasoning_content') }
const PDF = { type: 'base64', media_type: 'application/pdf', data: 'AA' }
/** What no capture holds. */
const FURTHER: readonly Capture['request'][] = [
  {
    model: 'm',
    max_tokens: 9,
    messages: [
      { role: 'user', content: [{ type: 'document', source: PDF }] },
      { role: 'assistant', content: [thinking, { type: 'text', text: 'a' }] },
    ],
    thinking: { type: 'adaptive' },
    output_config: { effort: 'max', format: { type: 'json_schema', schema: { type: 'object' } } },
    stop_sequences: ['x'],
    tools: [{ name: 'f' }],
    tool_choice: { type: 'any', disable_parallel_tool_use: true },
  },
]

describe('the official types', { timeout: 60_000 }, () => {
  it('accept the body of every captured request, streamed and whole', () => {
    const literals = new Literals()
    for (const request of [...all.map((one) => one.request), ...FURTHER])
      for (const stream of [true, false]) literals.add(encode(request, { stream }))
    expect(faultsIn({ 'bodies.ts': String(literals), 'fields.ts': LISTED })).toEqual([])
  })

  it('do not accept everything', () => {
    const bad = (part: string): string => `${HEAD}export const body: Body = ${part}\n`
    const faults = faultsIn({
      'role.ts': bad('{ model: "m", messages: [{ role: "tool", content: "" }] }'),
      'field.ts': bad('{ model: "m", messages: [], top_k: 1 }'),
      'choice.ts': bad('{ model: "m", messages: [], tool_choice: "any" }'),
    })
    expect(faults).toHaveLength(3)
  })
})

describe.skipIf(all.length === 0)('captured requests', () => {
  const named = all.map((capture) => [capture.name, capture] as const)

  it('are there, and those that lack their history are refused', () => {
    expect(all.length).toBeGreaterThan(280)
    const fault = expect.objectContaining({ code: 'CCR_REQUEST_INVALID' }) as object
    for (const { request } of captures().filter(continuesThread)) expect(() => encode(request)).toThrow(fault)
  })

  it.each(named)('%s keeps texts, images and calls, and nothing that is for its vendor alone', (_name, { request }) => {
    const body = encode(request)
    const text = JSON.stringify(body)
    for (const block of blocksOf(request)) {
      if (block.type === 'text') expect(text).toContain(inner((block as { text: string }).text))
      if (block.type === 'tool_use') expect(text).toContain(JSON.stringify((block as { id: string }).id))
      if (block.type === 'image') expect(text).toContain((block as { source: { data: string } }).source.data)
      if (block.type === 'tool_reference')
        expect(text).toContain(`[tool ${(block as { tool_name?: string }).tool_name}]`)
    }
    expect(text).not.toMatch(/x-anthropic-billing-header|cache_control|"\$schema"/)
    expect(text).not.toMatch(/defer_loading|DeferredToolPlaceholder/)
    expect(text).not.toMatch(/safeguards|live_cwd|context_management|"signature"|web_search_20250305|"user_id"/)
    const places = (list: readonly { role: string; content?: unknown }[]): number =>
      list.filter(({ role, content }) => role === 'system' && (content as unknown[]).length > 0).length
    expect(places(body.messages)).toBe(places(request.messages) + (hasPrompt(request) ? 1 : 0))
    const effort = request.thinking?.type === 'adaptive' ? request.output_config?.effort : undefined
    if (effort) expect(body.reasoning_effort).toBe(effort)
  })

  it('show everything that the current client sends', () => {
    const current = all.filter(({ name }) => name.startsWith('cc2.1.330')).map(({ request }) => JSON.stringify(request))
    for (const sign of ['"role":"system"', '"adaptive"', 'context_management', 'defer_loading', 'tool_reference'])
      expect(current.some((text) => text.includes(sign)), sign).toBe(true)
    for (const sign of ['safeguards', 'x-anthropic-billing-header', 'web_search_20250305', '"output_config":{"effort"'])
      expect(current.some((text) => text.includes(sign)), sign).toBe(true)
  })
})

/** Whether anything but the billing block stands in the system prompt. */
function hasPrompt({ system }: Capture['request']): boolean {
  if (typeof system === 'string') return system !== ''
  return (system ?? []).some(({ text }) => !text.startsWith('x-anthropic-billing-header'))
}

/** The inside of a JSON string. */
function inner(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function* blocksOf({ messages }: Capture['request']): Generator<ContentBlock> {
  for (const { content } of messages) {
    if (typeof content === 'string') continue
    for (const block of content) {
      yield block
      const { content: nested } = block as { readonly content?: unknown }
      if (Array.isArray(nested)) yield* nested as readonly ContentBlock[]
    }
  }
}
