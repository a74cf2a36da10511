import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CanonicalRequest, JsonObject } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { CAPTURES } from '../../../test/recorded.ts'
import { decodeRequest, encode } from '../test/harness.ts'
import { SUPPORTED } from './tool-schema.ts'
import { isFields, type GeminiBody } from './wire.ts'

const present = existsSync(CAPTURES)
const note = present ? '' : ` (skipped: no recorded requests at CCR_CAPTURES, ${CAPTURES})`

interface Capture {
  readonly name: string
  readonly url: string
  readonly body: unknown
}

const captures: readonly Capture[] = present
  ? readdirSync(CAPTURES)
      .filter((name) => name.endsWith('.json'))
      .map((name) => ({
        name,
        ...(JSON.parse(readFileSync(join(CAPTURES, name), 'utf8')) as { url: string; body: unknown }),
      }))
  : []

const asked = captures.filter(({ url, body }) => /^\/v1\/messages(?:\?|$)/.test(url) && isFields(body))
/** Its earlier turns stand on the server that it was recorded with. */
const isContinued = ({ body }: Capture): boolean =>
  (body as { thread?: { type?: unknown } }).thread?.type === 'continue'
const continued = asked.filter(isContinued)
const messages = asked.filter((capture) => !isContinued(capture))
const own = captures.filter(({ url }) => /\/models\/.+:\w+/.test(url))

/** What the API would refuse, or should not see. */
function faultsOf(body: GeminiBody): string[] {
  const faults: string[] = []
  if (body.contents[0]?.role !== 'user') faults.push('it does not begin with the user')
  body.contents.forEach(({ parts }, at) => {
    if (parts.length === 0) faults.push(`content ${at} has no parts`)
    for (const part of parts) if (Object.keys(part).length === 0) faults.push(`content ${at} has an empty part`)
    const calls = parts.flatMap(({ functionCall }) => (functionCall ? [functionCall.id] : []))
    const answers = body.contents[at + 1]?.parts.flatMap(({ functionResponse }) =>
      functionResponse ? [functionResponse.id] : [],
    )
    if (calls.length > 0 && JSON.stringify(calls) !== JSON.stringify(answers))
      faults.push(`the calls of content ${at} are not answered`)
  })
  for (const tool of body.tools ?? [])
    for (const declared of (tool['functionDeclarations'] ?? []) as readonly JsonObject[]) {
      if (!/^[A-Za-z_][\w.:-]{0,63}$/.test(String(declared['name']))) faults.push(`name ${String(declared['name'])}`)
      if (declared['parameters'] !== undefined)
        checkSchema(declared['parameters'] as JsonObject, String(declared['name']), faults)
    }
  return faults
}

function checkSchema(schema: JsonObject, at: string, faults: string[]): void {
  for (const key of Object.keys(schema)) if (!SUPPORTED.keywords.has(key)) faults.push(`${at}: ${key}`)
  if (schema['type'] === undefined && schema['anyOf'] === undefined) faults.push(`${at}: no type`)
  if (schema['type'] === 'array' && schema['items'] === undefined) faults.push(`${at}: no items`)
  for (const [name, inner] of Object.entries((schema['properties'] ?? {}) as JsonObject))
    checkSchema(inner as JsonObject, `${at}.${name}`, faults)
  for (const inner of [schema['items'], ...((schema['anyOf'] ?? []) as unknown[])].filter(isFields))
    checkSchema(inner, `${at}[]`, faults)
}

const SAID = ['contents', 'systemInstruction', 'tools', 'toolConfig', 'generationConfig']

/** Words of the other protocol, and of the client's session, that must not go out as fields. */
const FOREIGN = /"(?:cache_control|defer_loading|input_schema|context_management|safeguards|is_error|tool_use_id)":/

describe.skipIf(!present)(`recorded requests${note}`, { timeout: 60_000 }, () => {
  it('are there', () => {
    expect(messages.length).toBeGreaterThan(200)
    expect(own.length).toBeGreaterThanOrEqual(2)
  })

  it('whose history stands on another server are refused', () => {
    expect(continued).toHaveLength(1)
    for (const { body } of continued)
      expect(() => encode(body as CanonicalRequest, {})).toThrow(
        expect.objectContaining({ code: 'CCR_REQUEST_THREAD' }),
      )
  })

  it.each(['gemini-2.5-flash', 'gemini-3-pro-preview'])('of Claude Code become requests that %s takes', (model) => {
    for (const { name, body } of messages) {
      const sent = encode(body as CanonicalRequest, { model })
      expect({ name, faults: faultsOf(sent) }).toEqual({ name, faults: [] })
      expect(SAID).toEqual(expect.arrayContaining(Object.keys(sent)))
      const { contents: _said, ...settings } = sent
      expect({ name, foreign: FOREIGN.exec(JSON.stringify(settings))?.[0] }).toEqual({ name, foreign: undefined })
      expect(JSON.stringify(sent.systemInstruction ?? {})).not.toContain('x-anthropic-billing-header')
      expect(JSON.stringify(sent)).not.toContain('DeferredToolPlaceholder')
    }
  })

  it.each(own)('$name of the official SDK is read', ({ url, body }) => {
    const request = decodeRequest(body as object, url)
    expect(request).toMatchObject({
      model: 'gemini-2.5-pro',
      stream: url.includes('stream'),
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
    })
  })
})
