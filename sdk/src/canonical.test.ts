import type * as Vendor from '@anthropic-ai/sdk/resources/messages'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import type * as Canonical from './canonical.ts'
import { isKnownBlock } from './canonical.ts'

/**
 * The same type without interfaces, which TypeScript never takes for a type with an index signature, although each of
 * their fields would fit.
 */
type Plain<T> = [unknown] extends [T]
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends readonly (infer Element)[]
      ? readonly Plain<Element>[]
      : { [Key in keyof T]: Plain<T[Key]> }

/** The fields that must be there. */
type Required<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? never : Key }[keyof T]

/** `never` where each of our fields is one of theirs, and each that they require is one of ours. */
type Strangers<Ours, Theirs> = Exclude<keyof Ours, keyof Theirs> | Exclude<Required<Theirs>, keyof Ours>

const none = <T extends never>(...strangers: T[]): T[] => strangers

/** Whole toolsets have no name; they pass as they are and are no tools that ccr could read. */
type Toolset = Vendor.BrowserToolset20260801 | Vendor.ComputerToolset20260801
type Params = Omit<Plain<Vendor.MessageCreateParams>, 'tools'>

// From here to the tests everything is checked by the compiler alone. What the vendor's types allow, ours allow:
export const request = (params: Params): Canonical.CanonicalRequest => params
export const message = (one: Plain<Vendor.Message>): Canonical.CanonicalMessage => one
export const event = (one: Plain<Vendor.RawMessageStreamEvent>): Canonical.CanonicalEvent => one
export const delta = (one: Plain<Vendor.RawContentBlockDelta>): Canonical.BlockDelta => one
export const usage = (one: Plain<Vendor.Usage | Vendor.MessageDeltaUsage>): Canonical.CanonicalUsage => one
export const tool = (one: Plain<Exclude<Vendor.ToolUnion, Toolset>>): Canonical.Tool => one
export const choice = (one: Plain<Vendor.ToolChoice>): Canonical.ToolChoice => one
export const thinking = (one: Plain<Vendor.ThinkingConfigParam>): Canonical.Thinking => one
export const turn = (one: Plain<Vendor.MessageParam>): Canonical.Message => one
// Each block apart, because any block at all would be one of those that ccr does not read.
export const text = (one: Plain<Vendor.TextBlock | Vendor.TextBlockParam>): Canonical.TextBlock => one
export const image = (one: Plain<Vendor.ImageBlockParam>): Canonical.ImageBlock => one
export const document = (one: Plain<Vendor.DocumentBlockParam>): Canonical.DocumentBlock => one
export const thought = (one: Plain<Vendor.ThinkingBlock | Vendor.ThinkingBlockParam>): Canonical.ThinkingBlock => one
export const redacted = (one: Plain<Vendor.RedactedThinkingBlock>): Canonical.RedactedThinkingBlock => one
export const toolUse = (one: Plain<Vendor.ToolUseBlock | Vendor.ToolUseBlockParam>): Canonical.ToolUseBlock => one
export const toolResult = (one: Plain<Vendor.ToolResultBlockParam>): Canonical.ToolResultBlock => one

// What we name, the vendor knows; what the vendor requires, we name:
none<Strangers<Canonical.TextBlock, Vendor.TextBlockParam>>()
none<Strangers<Canonical.ImageBlock, Vendor.ImageBlockParam>>()
none<Strangers<Canonical.DocumentBlock, Vendor.DocumentBlockParam>>()
none<Strangers<Canonical.ThinkingBlock, Vendor.ThinkingBlockParam>>()
none<Strangers<Canonical.RedactedThinkingBlock, Vendor.RedactedThinkingBlockParam>>()
none<Strangers<Canonical.ToolUseBlock, Vendor.ToolUseBlockParam>>()
none<Strangers<Canonical.ToolResultBlock, Vendor.ToolResultBlockParam>>()
none<Exclude<Canonical.StopReason, Vendor.StopReason> | Exclude<Vendor.StopReason, Canonical.StopReason>>()
none<Exclude<Canonical.BlockDelta['type'], Vendor.RawContentBlockDelta['type']>>()
none<Exclude<Canonical.ToolChoice['type'], Vendor.ToolChoice['type']>>()
none<Exclude<Canonical.Thinking['type'], Vendor.ThinkingConfigParam['type']>>()
// `ping` and `error` are handled before the vendor's types begin.
none<Exclude<Canonical.CanonicalEvent['type'], Vendor.RawMessageStreamEvent['type'] | 'ping' | 'error'>>()

const cache_control = { type: 'ephemeral' as const, ttl: '1h' as const }
const blocks = {
  text: { type: 'text', text: 'a', cache_control } satisfies Canonical.TextBlock,
  image: {
    type: 'image',
    source: { type: 'base64', media_type: 'image/png' as const, data: '' },
    cache_control,
  } satisfies Canonical.ImageBlock,
  document: {
    type: 'document',
    source: { type: 'url' as const, url: 'https://example.com' },
    title: null,
  } satisfies Canonical.DocumentBlock,
  thinking: { type: 'thinking', thinking: 'a', signature: 'b' } satisfies Canonical.ThinkingBlock,
  redacted: { type: 'redacted_thinking', data: 'a' } satisfies Canonical.RedactedThinkingBlock,
  toolUse: { type: 'tool_use', id: 'a', name: 'b', input: {}, cache_control } satisfies Canonical.ToolUseBlock,
}
const result = {
  type: 'tool_result',
  tool_use_id: 'a',
  is_error: true,
  content: [blocks.text, blocks.image],
} satisfies Canonical.ToolResultBlock

// Literals of our types are what the vendor takes:
export const params: Vendor.MessageCreateParams = {
  model: 'm',
  max_tokens: 1,
  system: [blocks.text],
  thinking: { type: 'enabled', budget_tokens: 1024 } satisfies Canonical.Thinking,
  tool_choice: { type: 'tool', name: 'b', disable_parallel_tool_use: true } satisfies Canonical.ToolChoice,
  tools: [
    { name: 'b', description: 'c', input_schema: { type: 'object' as const }, cache_control } satisfies Canonical.Tool,
  ],
  messages: [
    { role: 'user', content: [blocks.document, blocks.image] },
    { role: 'assistant', content: [blocks.thinking, blocks.redacted, blocks.toolUse] },
    { role: 'user', content: [result] },
  ],
}

describe('isKnownBlock', () => {
  it.each([...Object.values(blocks), result])('knows $type', (block) => {
    expect(isKnownBlock(block)).toBe(true)
  })

  it('knows no other', () => {
    expect(isKnownBlock({ type: 'server_tool_use', id: 'a' })).toBe(false)
  })
})

describe("the canonical types and the vendor's", { timeout: 120_000 }, () => {
  const config = fileURLToPath(new URL('../tsconfig.test.json', import.meta.url))
  const canonical = fileURLToPath(new URL('canonical.ts', import.meta.url))
  const self = fileURLToPath(import.meta.url)

  /** Compiles the tests of the SDK, with canonical.ts replaced by this text where one is given. */
  const parsed = ts.getParsedCommandLineOfConfigFile(
    config,
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
  )
  let last: ts.Program | undefined
  function faults(only: boolean, change?: (source: string) => string): string[] {
    const host = ts.createCompilerHost(parsed!.options)
    const { readFile } = host
    if (change) host.readFile = (file) => (file === canonical ? change(readFile(file)!) : readFile(file))
    last = ts.createProgram(parsed!.fileNames, parsed!.options, host, last)
    const found = only ? last.getSemanticDiagnostics(last.getSourceFile(self)) : ts.getPreEmitDiagnostics(last)
    return found.map(
      ({ file, messageText }) =>
        `${file?.fileName.split('/').at(-1)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    )
  }

  it('agree, as do all tests of the SDK with its types', () => {
    expect(parsed?.errors).toEqual([])
    expect(parsed?.fileNames).toContain(self)
    expect(faults(false)).toEqual([])
  })

  it.each([
    ['a field of a block is renamed', 'readonly tool_use_id: string', 'readonly tool_call_id: string'],
    ['a field has another type', 'readonly input: unknown', 'readonly input: string'],
    ['a stop reason is missing', " | 'pause_turn'", ''],
    ['an event is missing', "  | { readonly type: 'message_stop' }\n", ''],
  ])('are found to disagree when %s', (_name, from, to) => {
    const change = (source: string): string => source.replace(from, to)
    expect(change(ts.sys.readFile(canonical)!)).not.toBe(ts.sys.readFile(canonical))
    expect(faults(true, change)).not.toEqual([])
  })
})
