import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import type { CanonicalMessage, ContentBlock } from '@ccr/sdk'
import { cut } from '@ccr/sdk/testing'
import type { Response } from 'openai/resources/responses/responses'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { FIXTURES } from '../../../test/recorded.ts'
import { codeOf, expectValid, fakeAttempt, messageOf, readStream, run, target } from '../test/harness.ts'
import { createReplay, type Replay } from '../test/replay.ts'
import { fieldsOf, listOf, textOf } from './wire.ts'

// Thousands of prefixes are read, on a machine that may do other things too.
vi.setConfig({ testTimeout: 60_000 })

interface Recording {
  readonly name: string
  readonly status: number
  readonly bytes: Buffer
  readonly stream: boolean
}

function recordings(): readonly Recording[] {
  if (!existsSync(FIXTURES)) {
    console.warn(`recordings are skipped: ${FIXTURES} is absent`)
    return []
  }
  const listed = (
    JSON.parse(readFileSync(`${FIXTURES}/MANIFEST.json`, 'utf8')) as { path: string; api: string }[]
  ).filter(({ api }) => api === 'responses')
  const own = readdirSync(`${FIXTURES}/llama-server`)
    .filter((name) => /-responses.*\.response\./.test(name))
    .map((name) => `llama-server/${name}`)
  return [...listed.flatMap(({ path }) => filesOf(path)), ...own].flatMap((name) =>
    bytesOf(name).map((bytes, at) => ({
      name: at === 0 ? name : `${name} #${at + 1}`,
      status: statusOf(name),
      bytes,
      stream: !name.endsWith('.json'),
    })),
  )
}

function filesOf(path: string): readonly string[] {
  if (!statSync(`${FIXTURES}/${path}`).isDirectory()) return [path]
  return readdirSync(`${FIXTURES}/${path}`)
    .filter((name) => /\.response\./.test(name))
    .map((name) => `${path}/${name}`)
}

function statusOf(name: string): number {
  if (!/\/\d+\.response\./.test(name)) return 200
  const meta = readFileSync(`${FIXTURES}/${name.replace(/\.response\..*$/, '.meta.json')}`, 'utf8')
  return (JSON.parse(meta) as { status: number }).status
}

/** A list of payloads is the stream that they came in; some lists hold the answers of several requests. */
function bytesOf(name: string): readonly Buffer[] {
  const bytes = readFileSync(`${FIXTURES}/${name}`)
  if (!name.endsWith('.txt')) return [bytes]
  const frames = bytes
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
  const starts = frames.flatMap((line, at) => (/"type":\s*"response\.created"/.test(line) ? [at] : []))
  return starts.map((from, turn) =>
    Buffer.from(
      frames
        .slice(from, starts[turn + 1])
        .map((line) => `data: ${line}\n\n`)
        .join(''),
    ),
  )
}

const all = recordings()
const answers = all.filter(({ status }) => status === 200)
const refusals = all.filter(({ status }) => status >= 400)
const named = (list: readonly Recording[]): [string, Recording][] =>
  list.map((recording) => [recording.name, recording])

function canonical({ bytes, stream }: Recording): CanonicalMessage {
  const { events, fault } = stream
    ? readStream([bytes])
    : run(target.explode(JSON.parse(bytes.toString('utf8')), fakeAttempt()))
  expect(codeOf(fault)).toBeUndefined()
  expectValid(events)
  return messageOf(events)
}

const blocks = <Type extends string>(message: CanonicalMessage, type: Type): Extract<ContentBlock, { type: Type }>[] =>
  message.content.filter((block) => block.type === type) as Extract<ContentBlock, { type: Type }>[]

/** What the SDK's response says, in the words of the comparison. */
function plainOracle(response: Response) {
  const items = listOf(response.output).map(fieldsOf)
  const parts = (list: unknown): string =>
    listOf(list)
      .map((part) => textOf(fieldsOf(part)['text']))
      .join('\n\n')
  const thinking = items
    .filter(({ type }) => type === 'reasoning')
    .map(({ summary, content }) => parts(summary) || parts(content))
    .filter((text) => text !== '')
  const usage = response.usage!
  const cached = usage.input_tokens_details?.cached_tokens ?? 0
  return {
    text: items
      .filter(({ type }) => type === 'message')
      .flatMap(({ content }) => listOf(content).map((part) => textOf(fieldsOf(part)['text'])))
      .join(''),
    thinking,
    calls: items
      .filter(({ type }) => type === 'function_call')
      .map((item) => ({
        id: item['call_id'],
        name: item['name'],
        input: JSON.parse(textOf(item['arguments'])) as unknown,
      })),
    stop: response.status,
    usage: {
      input_tokens: usage.input_tokens - cached,
      cache_read: cached,
      output_tokens: usage.output_tokens,
      thinking: usage.output_tokens_details?.reasoning_tokens as number | undefined,
    },
  }
}

function plainOurs(message: CanonicalMessage): ReturnType<typeof plainOracle> {
  const { usage } = message
  const own = message.content.filter((block) => Object.getOwnPropertySymbols(block).length > 0)
  const texts = blocks(message, 'text').filter((block) => !(own.includes(block) && block.text.startsWith('[')))
  return {
    text: texts.map(({ text }) => text).join(''),
    thinking: blocks(message, 'thinking')
      .map(({ thinking }) => thinking)
      .filter((text) => text !== ''),
    calls: blocks(message, 'tool_use').map(({ id, name, input }) => ({ id, name, input })),
    stop: message.stop_reason === 'max_tokens' || message.stop_reason === 'refusal' ? 'incomplete' : 'completed',
    usage: {
      input_tokens: usage.input_tokens ?? 0,
      cache_read: usage.cache_read_input_tokens ?? 0,
      output_tokens: usage.output_tokens ?? 0,
      thinking: usage.output_tokens_details?.thinking_tokens,
    },
  }
}

describe.skipIf(answers.length === 0)('recorded answers', () => {
  let replay: Replay
  beforeAll(async () => void (replay = await createReplay()))
  afterAll(() => replay.close())

  it.each(named(answers))('%s means what the official SDK makes of it', async (_name, recording) => {
    replay.serve(recording.stream ? 'text/event-stream' : 'application/json', recording.bytes)
    const oracle = plainOracle(await (recording.stream ? replay.streamed() : replay.whole()))
    const message = canonical(recording)
    expect(plainOurs(message)).toEqual(oracle)
    if (oracle.stop === 'completed') expect(message.stop_reason).toBe(oracle.calls.length > 0 ? 'tool_use' : 'end_turn')
  })

  it.each(named(answers.filter(({ stream }) => stream)))(
    'rule 101 %s has no end before its end',
    (_name, { bytes }) => {
      const text = bytes.toString('utf8')
      const last = text.search(/"type":\s*"response\.(?:completed|incomplete)"/)
      expect(last).toBeGreaterThan(0)
      for (let end = text.indexOf('\n\n'); end >= 0 && end < last; end = text.indexOf('\n\n', end + 1)) {
        const { events, fault } = readStream([Buffer.from(text.slice(0, end + 2))])
        expect(codeOf(fault)).toBe('CCR_STREAM_ENDED')
        expectValid(events, false)
      }
    },
  )

  const short = answers.filter(({ stream, bytes }) => stream && bytes.length <= 8192)

  it.each(named(short))('rule 109 %s is the same however it is cut', (_name, { bytes }) => {
    const whole = JSON.stringify(readStream([bytes]))
    for (let at = 0; at < bytes.length; at += 13) expect(JSON.stringify(readStream(cut(bytes, at)))).toBe(whole)
  })

  it.each(named(short))('rule 101 %s is an answer that ended at every byte before its end', (_name, { bytes }) => {
    const last = bytes.toString('latin1').search(/"type":\s*"response\.(?:completed|incomplete)"/)
    // What precedes the frame in which a prefix ends was read by the prefixes before it, so the last two are enough.
    const begin = Buffer.from(`data: ${JSON.stringify({ type: 'response.created' })}\n\n`)
    let frame = 0
    for (let at = 0; at < last; at++) {
      if (bytes.toString('latin1', at - 2, at) === '\n\n') frame = at
      const { events, fault } = readStream([begin, bytes.subarray(frame, at)])
      if (codeOf(fault) !== 'CCR_STREAM_ENDED') expect.fail(`${at} bytes come to ${String(codeOf(fault))}`)
      expectValid(events, false)
    }
  })
})

describe.skipIf(refusals.length === 0)('recorded errors', () => {
  it.each(named(refusals))('%s is read', (_name, { bytes }) => {
    expect(target.error(JSON.parse(bytes.toString('utf8')))?.message).toMatch(/\w/)
  })

  it('a full context is the fault of the request, a wrong key is not', () => {
    const read = refusals.map(({ bytes }) => target.error(JSON.parse(bytes.toString('utf8'))))
    expect(read.map((error) => error?.type)).toEqual(
      read.map((error) => (/context window/.test(error?.message ?? '') ? 'invalid_request_error' : undefined)),
    )
  })
})
