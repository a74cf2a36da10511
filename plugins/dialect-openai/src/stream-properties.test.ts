import fc from 'fast-check'
import type { CanonicalEvent, CanonicalUsage } from '@ccr/sdk'
import { cut } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { decode, fakeAttempt, faultsOf, FUZZ_MS, messageOf, readStream, RUNS, target } from '../test/harness.ts'
import { recordings } from '../test/recordings.ts'
import { bytesOf, eventsOf, script, spelling, type Script } from '../test/scripts.ts'
import { createChatEncoder } from './client-stream.ts'
import type { ChatEvent } from './wire.ts'

const offsets = fc.array(fc.nat(4000), { maxLength: 12 })

interface Called {
  readonly name: string
  readonly input: unknown
}

function joined(events: readonly CanonicalEvent[], type: 'text_delta' | 'thinking_delta'): string {
  let all = ''
  for (const event of events) {
    if (event.type !== 'content_block_delta' || event.delta.type !== type) continue
    all += event.delta.type === 'text_delta' ? event.delta.text : event.delta.thinking
  }
  return all
}

function callsOf(events: readonly CanonicalEvent[]): readonly object[] {
  const content = messageOf(events).content as readonly { type: string; name?: string; input?: unknown }[]
  return content.filter(({ type }) => type === 'tool_use').map(({ name, input }) => ({ name, input }))
}

function expected({ usage }: Script): CanonicalUsage {
  if (!usage) return {}
  const { prompt, cached, completion } = usage
  return {
    input_tokens: Math.max(0, prompt - cached),
    cache_read_input_tokens: cached,
    output_tokens: completion,
  }
}

/** What a stream says is what the model said: reliability C1 to C6. */
function expectConserved(events: readonly CanonicalEvent[], said: Script): void {
  expect(faultsOf(events)).toEqual([])
  expect(joined(events, 'text_delta')).toBe(said.text)
  expect(joined(events, 'thinking_delta')).toBe(said.thinking)
  expect(callsOf(events)).toEqual(said.calls)
  const { stop_reason, usage } = messageOf(events)
  expect(stop_reason).toBe(said.stop)
  expect(usage).toMatchObject(expected(said))
  expect(usage.output_tokens).toBeGreaterThanOrEqual(0)
}

describe('any stream', { timeout: FUZZ_MS }, () => {
  it('rule 83, rule 109: keeps order, text, thinking, calls, stop reason, usage however it is cut and spelled', () => {
    fc.assert(
      fc.property(script, spelling, offsets, (said, how, cuts) => {
        const { events, fault } = readStream(cut(bytesOf(said.chunks, how), ...cuts))
        expect(fault).toBeUndefined()
        expectConserved(events, said)
      }),
      { numRuns: RUNS },
    )
  })

  it('says the same whole as streamed', () => {
    fc.assert(
      fc.property(script, (said) => {
        const streamed = messageOf(decode(said.chunks as readonly ChatEvent[]))
        const blocks = streamed.content as readonly { type: string; text?: string; thinking?: string; id?: string }[]
        const calls = callsOf(decode(said.chunks as readonly ChatEvent[])) as readonly Called[]
        const join = (type: 'text' | 'thinking'): string => blocks.map((block) => block[type] ?? '').join('')
        const message = {
          content: join('text'),
          reasoning_content: join('thinking'),
          tool_calls: calls.map(({ name, input }, index) => ({
            id: `call_${index}`,
            function: { name, arguments: JSON.stringify(input) },
          })),
        }
        const reason = { max_tokens: 'length', refusal: 'content_filter' }[streamed.stop_reason!] ?? 'stop'
        const answer = { choices: [{ index: 0, message, finish_reason: reason }], usage: usageOf(said) }
        const events = decode(target.explode(answer, fakeAttempt()))
        expectConserved(events, said)
      }),
      { numRuns: RUNS },
    )
  })

  it('goes through this protocol a second time without a loss', () => {
    fc.assert(
      fc.property(script, spelling, (said, how) => {
        const events = readStream([bytesOf(said.chunks, how)]).events
        const request = { model: 'm', messages: [], extra: { openai: { stream_options: { include_usage: true } } } }
        const encoder = createChatEncoder({ request, startedAt: 0 } as never)
        const again = readStream([Buffer.from(events.map((event) => encoder.events([event])).join(''))])
        expect(again.fault).toBeUndefined()
        expectConserved(again.events, said)
      }),
      { numRuns: RUNS },
    )
  })

  it('without its end is an answer that ended, at every event, and never a success', () => {
    fc.assert(
      fc.property(script, spelling, offsets, (said, how, cuts) => {
        const events = eventsOf(said.chunks, how)
        const finish = said.chunks.findIndex((chunk) => hasFinish(chunk))
        for (let count = 0; count <= finish; count++) {
          const bytes = Buffer.from(events.slice(0, count).join(''))
          expectEnded(cut(bytes, ...cuts))
        }
      }),
      { numRuns: RUNS },
    )
  })
})

function hasFinish(chunk: object): boolean {
  const { choices } = chunk as { choices?: readonly ({ finish_reason?: string | null } | null)[] | null }
  return choices?.some((choice) => !!choice?.finish_reason) ?? false
}

function usageOf({ usage }: Script): object | undefined {
  return (
    usage && {
      prompt_tokens: usage.prompt,
      completion_tokens: usage.completion,
      prompt_tokens_details: { cached_tokens: usage.cached },
    }
  )
}

/** The stream ends in one fault, which the kernel makes the client's one error, and says nothing of an end. */
function expectEnded(pieces: readonly Uint8Array[]): void {
  const { events, fault } = readStream(pieces)
  expect(fault).toMatchObject({ code: 'CCR_STREAM_ENDED' })
  expect(faultsOf(events, false)).toEqual([])
}

/** Longest recording that is cut at every byte. */
const EVERY_BYTE = 8 * 1024

/** Where a recorded stream has said why it ended: what is cut before it has no end. */
function endOf(bytes: Buffer): number {
  let at = 0
  for (const line of bytes.toString('utf8').split('\n')) {
    const text = line.replace(/^data: ?/, '').trim()
    if (text.startsWith('{')) {
      const chunk = JSON.parse(text) as object
      if (hasFinish(chunk) || 'error' in chunk) return at + Buffer.byteLength(line.trimEnd())
    }
    at += Buffer.byteLength(line) + 1
  }
  return bytes.length
}

const streams = recordings().filter(({ stream, status }) => stream && status === 200)
const named = streams.map((one) => [one.name, one] as const)
const short = named.filter(([, { bytes }]) => bytes.length <= EVERY_BYTE)

describe.skipIf(streams.length === 0)('recorded streams', { timeout: 60_000 }, () => {
  it.each(named)('%s without its end is an answer that ended, at every event', (_name, { bytes }) => {
    const end = endOf(bytes)
    for (let at = 0; at >= 0 && at < end; at = bytes.indexOf('\n\n', at) + 2 || -1) expectEnded([bytes.subarray(0, at)])
  })

  it.each(short)('%s without its end is an answer that ended, at every byte', (_name, { bytes }) => {
    const end = endOf(bytes)
    for (let at = 0; at < end; at++) {
      const { events, fault } = readStream([bytes.subarray(0, at)])
      if ((fault as { code?: string } | undefined)?.code !== 'CCR_STREAM_ENDED') expect.fail(`cut at byte ${at}`)
      if (events.some(({ type }) => type === 'message_stop')) expect.fail(`an end at byte ${at}`)
    }
  })
})
