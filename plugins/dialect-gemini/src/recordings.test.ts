import { GoogleGenAI, type GenerateContentResponse, type Part } from '@google/genai'
import type { CanonicalEvent, CanonicalMessage, UpstreamError } from '@ccr/sdk'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cut } from '@ccr/sdk/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decode, fakeAttempt, messageOf, readStream, run, target } from '../test/harness.ts'
import { note, present, recordings, type Recording } from '../test/recordings.ts'
import { faultsOf } from '../test/validate.ts'
import { client } from './client.ts'
import type { GeminiEvent } from './wire.ts'

const all = recordings()
const answers = all.filter(({ status }) => status === 200)
const errors = all.filter(({ status }) => status >= 400)

/** Serves one body at a time, as the API would; the official SDK is the oracle of what it means. */
let replay: Server | undefined
let served: { readonly type: string; readonly status: number; readonly body: string | Buffer }

beforeAll(async () => {
  replay = createServer((request, response) => {
    request.resume()
    response.writeHead(served.status, { 'content-type': served.type, connection: 'close' }).end(served.body)
  }).listen(0, '127.0.0.1')
  await once(replay, 'listening')
})

afterAll(() => {
  replay?.close()
  replay?.closeAllConnections()
})

/** The SDK in the mode that reads everything; what it reads is the same in both. */
function sdk(): GoogleGenAI {
  const { port } = replay!.address() as AddressInfo
  return new GoogleGenAI({ vertexai: true, apiKey: 'test', httpOptions: { baseUrl: `http://127.0.0.1:${port}` } })
}

const params = { model: 'gemini-x', contents: 'hi' }

async function oracleOf({ form, sse, json }: Recording): Promise<readonly GenerateContentResponse[]> {
  if (form === 'whole') {
    served = { type: 'application/json', status: 200, body: JSON.stringify(json) }
    return [await sdk().models.generateContent(params)]
  }
  served = { type: 'text/event-stream', status: 200, body: sse }
  const chunks: GenerateContentResponse[] = []
  for await (const chunk of await sdk().models.generateContentStream(params)) chunks.push(chunk)
  return chunks
}

interface Told {
  readonly text: string
  readonly thinking: string
  readonly calls: readonly { readonly name: string; readonly args: unknown; readonly id?: string | undefined }[]
  readonly signatures: readonly string[]
  readonly usage: object
}

/** What the SDK's chunks say when they are put together. */
function toldBySdk(chunks: readonly GenerateContentResponse[]): Told & { readonly finish: string | undefined } {
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? [])
  const usage = chunks.at(-1)?.usageMetadata ?? {}
  const { promptTokenCount = 0, cachedContentTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = usage
  return {
    text: parts.map((part) => (part.text && !part.thought ? part.text : '')).join(''),
    thinking: parts.map((part) => (part.text && part.thought ? part.text : '')).join(''),
    calls: callsOf(parts),
    signatures: parts.flatMap(({ thoughtSignature }) => (thoughtSignature ? [thoughtSignature] : [])),
    finish: chunks.findLast((chunk) => chunk.candidates?.[0]?.finishReason)?.candidates![0]!.finishReason,
    usage: {
      input_tokens: promptTokenCount - cachedContentTokenCount,
      output_tokens: candidatesTokenCount + thoughtsTokenCount,
    },
  }
}

/** The SDK hands out pieces of arguments as they come, so that they are put together here. */
function callsOf(parts: readonly Part[]): Told['calls'] {
  const calls: { name: string; args: Record<string, unknown>; id?: string | undefined }[] = []
  const strings = new Map<string, string>()
  for (const { functionCall } of parts) {
    if (!functionCall) continue
    if (functionCall.name) calls.push({ name: functionCall.name, args: { ...functionCall.args }, id: functionCall.id })
    for (const { jsonPath = '', stringValue, numberValue } of functionCall.partialArgs ?? []) {
      strings.set(jsonPath, (strings.get(jsonPath) ?? '') + (stringValue ?? ''))
      const keys = jsonPath
        .slice(2)
        .split(/[.[\]]+/)
        .filter((key) => key !== '')
      let at: Record<string, unknown> = calls.at(-1)!.args
      keys.forEach((key, index) => {
        if (index === keys.length - 1) at[key] = numberValue ?? strings.get(jsonPath)
        else at = (at[key] ??= /^\d+$/.test(keys[index + 1]!) ? [] : {}) as Record<string, unknown>
      })
    }
  }
  return calls
}

function told({ content, usage }: CanonicalMessage): Omit<Told, 'signatures'> {
  const blocks = content as readonly {
    type: string
    text: string
    thinking: string
    name: string
    input: unknown
    id: string
  }[]
  const of = (type: string): typeof blocks => blocks.filter((block) => block.type === type)
  return {
    text: of('text')
      .map(({ text }) => text)
      .join(''),
    thinking: of('thinking')
      .map(({ thinking }) => thinking)
      .join(''),
    calls: of('tool_use').map(({ name, input, id }) => ({ name, args: input, id })),
    usage,
  }
}

function decoded({ form, sse, json }: Recording): { events: CanonicalEvent[]; fault: unknown } {
  return form === 'events' ? readStream([sse]) : run(target.explode(json, fakeAttempt()))
}

describe.skipIf(!present)(`recorded answers${note}`, { timeout: 30_000 }, () => {
  it('are there', () => {
    expect(answers.length).toBeGreaterThanOrEqual(28)
    expect(errors.length).toBeGreaterThanOrEqual(3)
  })

  it.each(answers)('$name says what the official SDK reads', async (recording) => {
    const { events, fault } = decoded(recording)
    if (fault !== undefined) throw fault
    expect(faultsOf(events)).toEqual([])
    const message = messageOf(events)
    const { finish, signatures, calls, ...expected } = toldBySdk(await oracleOf(recording))
    expect(told(message)).toMatchObject(expected)
    expect(told(message).calls).toEqual(
      calls.map((call) => ({ ...call, id: call.id ?? (expect.any(String) as string) })),
    )
    expect(finish).toBe('STOP')
    expect(message.stop_reason).toBe(calls.length > 0 ? 'tool_use' : 'end_turn')
    for (const signature of calls.length > 0 ? signatures : []) expect(carried(message)).toContain(signature)
  })

  it.each(answers)('$name means the same however it is cut', ({ sse }) => {
    const whole = readStream([sse])
    for (let at = 0; at <= sse.length; at += sse.length > 8192 ? 97 : 7)
      if (JSON.stringify(readStream(cut(sse, at))) !== JSON.stringify(whole)) expect.fail(`cut at byte ${at}`)
  })

  it.each(answers)('$name is an error without its end', ({ sse }) => {
    const end = sse.lastIndexOf('"finishReason"')
    for (let to = 0; to <= end; to += sse.length > 8192 ? 211 : 1) {
      const { events, fault } = readStream([sse.subarray(0, to)])
      if ((fault as { code?: string } | undefined)?.code !== 'CCR_STREAM_ENDED') expect.fail(`prefix of ${to} bytes`)
      expect(faultsOf(events, false)).toEqual([])
    }
  })

  it.each(answers)('$name reaches a client of this API as it was', async (recording) => {
    const chunks = toClientChunks(decoded(recording).events)
    served = { type: 'text/event-stream', status: 200, body: chunks }
    const seen: GenerateContentResponse[] = []
    for await (const chunk of await sdk().models.generateContentStream(params)) seen.push(chunk)
    const { signatures: _theirs, calls, ...expected } = toldBySdk(await oracleOf(recording))
    const { signatures: _ours, calls: shown, ...answer } = toldBySdk(seen)
    expect(answer).toEqual(expected)
    expect(shown.map(({ name, args }) => ({ name, args }))).toEqual(calls.map(({ name, args }) => ({ name, args })))
  })
})

/** Everything that the signatures of thinking blocks carry. */
function carried({ content }: CanonicalMessage): string {
  return (content as readonly { signature?: string }[])
    .map(({ signature = '' }) => Buffer.from(signature.split('.').at(-1)!, 'base64url').toString('utf8'))
    .join('\n')
}

function toClientChunks(events: readonly CanonicalEvent[]): string {
  const encoder = client.encoder({ request: { model: 'm', messages: [] } } as never)
  return events.map((event) => encoder.events([event])).join('')
}

const TYPES: Readonly<Record<number, string>> = { 400: 'authentication_error', 429: 'rate_limit_error' }

describe.skipIf(!present)(`recorded errors${note}`, () => {
  it.each(errors)('$name is a failure of the right type', async ({ json, status }) => {
    const error = target.error(json)
    expect(error?.type).toBe(TYPES[status])
    served = { type: 'application/json', status, body: JSON.stringify(json) }
    const thrown = (await sdk()
      .models.generateContent(params)
      .catch((fault: unknown) => fault)) as Error & { status: number }
    expect(thrown.status).toBe(status)
    const { message } = (JSON.parse(thrown.message) as { error: { message: string } }).error
    expect(message.startsWith(error!.message!)).toBe(true)
    // The same inside of an answer that began well.
    const { fault } = run(target.explode(json, fakeAttempt()))
    expect((fault as { cause: UpstreamError }).cause.type).toBe(TYPES[status])
  })

  it('are the same in a list', () => {
    for (const { json } of errors)
      expect(() => decode([json as GeminiEvent])).toThrow(expect.objectContaining({ code: 'CCR_STREAM_ERROR' }))
  })
})
