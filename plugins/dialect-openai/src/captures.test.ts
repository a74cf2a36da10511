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

const require = createRequire(import.meta.url)
const typesAt = (path: string): string => JSON.stringify(require.resolve(path).replace(/\.js$/, ''))

/** Compiles where every field of the official Messages request is in the capability list. */
const LISTED = `
import type { MessageCreateParams } from ${typesAt('@anthropic-ai/sdk/resources/beta/messages/messages')}
type Unlisted = Exclude<keyof MessageCreateParams, ${Object.keys(REQUEST_FIELDS)
  .map((field) => JSON.stringify(field))
  .join(' | ')}>
export const everyFieldIsListed: [Unlisted] extends [never] ? true : Unlisted = true
`

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
it('every field of the official Messages request is in the capability list', { timeout: 60_000 }, () => {
  const faults = faultsIn({ 'listed.ts': LISTED, 'unlisted.ts': LISTED.replaceAll('"thinking"', '"unknown"') })
  expect(faults).toEqual([expect.stringContaining('"thinking"')])
})

describe.skipIf(all.length === 0)('captured requests', () => {
  const named = all.map((capture) => [capture.name, capture] as const)

  it('are there, and those that lack their history are refused', () => {
    expect(all.length).toBeGreaterThan(280)
    const fault = expect.objectContaining({ code: 'CCR_REQUEST_THREAD' }) as object
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
      expect(
        current.some((text) => text.includes(sign)),
        sign,
      ).toBe(true)
    for (const sign of ['safeguards', 'x-anthropic-billing-header', 'web_search_20250305', '"output_config":{"effort"'])
      expect(
        current.some((text) => text.includes(sign)),
        sign,
      ).toBe(true)
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
