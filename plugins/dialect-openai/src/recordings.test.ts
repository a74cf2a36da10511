import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { CanonicalEvent } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { faultsOf, fakeAttempt, messageOf, readStream, run, target } from '../test/harness.ts'

const FIXTURES = process.env['CCR_FIXTURES'] ?? fileURLToPath(new URL('../../../../shared/fixtures', import.meta.url))

/** What recordings that hold an error, or are cut, come to. */
const FAULTY: Readonly<Record<string, string>> = {
  'groq/pydantic__test_tool_use_failed_error_streaming/01.response.sse': 'CCR_STREAM_ERROR',
  'openrouter/pydantic__test_openrouter_stream_error/01.response.sse': 'CCR_STREAM_ERROR',
}

interface Recording {
  readonly name: string
  readonly status: number
  readonly text: string
}

function recordings(): readonly Recording[] {
  const manifest = `${FIXTURES}/MANIFEST.json`
  if (!existsSync(manifest)) {
    console.warn(`recordings are skipped: ${FIXTURES} is absent`)
    return []
  }
  const listed = (JSON.parse(readFileSync(manifest, 'utf8')) as { path: string; api: string }[]).filter(
    ({ api }) => api === 'chat-completions',
  )
  const own = readdirSync(`${FIXTURES}/llama-server`)
    .filter((name) => /-chat.*\.response\./.test(name))
    .map((name) => `llama-server/${name}`)
  return [...listed.flatMap(({ path }) => filesOf(path)), ...own].map((name) => ({
    name,
    status: statusOf(name),
    text: readFileSync(`${FIXTURES}/${name}`, 'utf8'),
  }))
}

function filesOf(path: string): readonly string[] {
  if (!statSync(`${FIXTURES}/${path}`).isDirectory()) return [path]
  return readdirSync(`${FIXTURES}/${path}`)
    .filter((name) => /\.response\./.test(name))
    .map((name) => `${path}/${name}`)
}

function statusOf(name: string): number {
  const meta = `${FIXTURES}/${name.replace(/\.response\..*$/, '.meta.json')}`
  return name.includes('.response.') && existsSync(meta)
    ? (JSON.parse(readFileSync(meta, 'utf8')) as { status: number }).status
    : 200
}

function outcomeOf({ name, text }: Recording): { events: CanonicalEvent[]; fault: unknown } {
  if (name.endsWith('.json')) return run(target.explode(JSON.parse(text), fakeAttempt()))
  const bytes = name.endsWith('.txt')
    ? text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => `data: ${line}\n\n`)
        .join('')
    : text
  return readStream([Buffer.from(bytes)])
}

const all = recordings()
const answers = all.filter(({ status }) => status === 200)
const refusals = all.filter(({ status }) => status >= 400)

describe.skipIf(answers.length === 0)('recorded answers', () => {
  it.each(answers.map((recording) => [recording.name, recording] as const))('%s', (name, recording) => {
    const { events, fault } = outcomeOf(recording)
    const expected = FAULTY[name]
    expect((fault as { code?: string } | undefined)?.code).toBe(expected)
    expect(faultsOf(events, expected === undefined)).toEqual([])
    if (expected !== undefined) return
    const { content, usage, stop_reason } = messageOf(events)
    // A limit may be reached while the model still reasons in secret.
    if (stop_reason !== 'max_tokens') expect(content.length).toBeGreaterThan(0)
    for (const block of content)
      if (block.type === 'tool_use') expect((block as { name: string }).name).toMatch(/^[\w-]+$/)
    expect(usage.output_tokens).toBeGreaterThan(0)
  })
})

describe.skipIf(refusals.length === 0)('recorded errors', () => {
  it.each(refusals.map((recording) => [recording.name, recording] as const))('%s', (_name, { text }) => {
    const error = target.error(JSON.parse(text))
    expect(error?.message).toMatch(/\w/)
  })
})
