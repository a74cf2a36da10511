import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '@ccr/sdk'
import {
  createTestKernel,
  json,
  type TestAnswer,
  type TestEntry,
  type TestKernel,
  type TestReply,
} from '@ccr/sdk/testing'
import { vi } from 'vitest'
import anthropic from '../../dialect-anthropic/src/index.ts'
import gemini from '../../dialect-gemini/src/index.ts'
import { routeTo } from '../../dialect-openai/test/world.ts'
import openai from '../../dialect-openai/src/index.ts'
import plugin from '../src/index.ts'
import { EMAIL, PRIVATE_KEY, startGoogle, type Google } from './google.ts'

/** What Vertex AI is asked. */
export interface Sent {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly body: JsonObject
}

/** A client, a provider at Vertex AI that speaks one of its dialects, and Google's servers for tokens. */
export interface World {
  readonly test: TestKernel
  readonly google: Google
  readonly sent: readonly Sent[]
  readonly last: Sent
  /** Asks as a client of the Messages API, with these fields or these bytes. */
  ask(request?: object | string, headers?: Readonly<Record<string, string>>): Promise<TestReply>
  close(): Promise<void>
}

export interface WorldOptions {
  readonly dialect?: string
  readonly model?: string
  readonly url?: string
  /** A login as a service account, and a project, unless given. */
  readonly options?: object
  /** The environment; nothing of this machine's is left. */
  readonly env?: Readonly<Record<string, string>>
  /** The file of the default credentials. */
  readonly credentials?: object | string
  readonly answer?: (sent: Sent) => TestAnswer | Promise<TestAnswer>
  readonly plugins?: readonly TestEntry[]
  readonly sections?: Readonly<Record<string, unknown>>
}

const VARIABLES = [
  'GOOGLE_APPLICATION_CREDENTIALS',
  'GOOGLE_CLOUD_PROJECT',
  'GOOGLE_CLOUD_LOCATION',
  'GOOGLE_CLOUD_QUOTA_PROJECT',
  'GCLOUD_PROJECT',
  'GCE_METADATA_HOST',
]

const OWN = { client_email: EMAIL, private_key: PRIVATE_KEY, project: 'chosen' }
const ANSWERS: Readonly<Record<string, object>> = {
  anthropic: {
    ...{ id: 'msg_vrtx_1', type: 'message', role: 'assistant', model: 'claude', stop_reason: 'end_turn' },
    content: [{ type: 'text', text: 'hello' }],
    usage: { input_tokens: 3, output_tokens: 2 },
  },
  gemini: { candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] }, finishReason: 'STOP' }] },
  openai: { choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }] },
}

/** Starts that world; whoever starts it closes it. */
export async function startWorld(how: WorldOptions = {}): Promise<World> {
  const { dialect = 'anthropic', model = 'claude-sonnet-4-5@20250929', env = {}, credentials, options = OWN } = how
  const { answer = () => json(ANSWERS[dialect]), url: baseUrl = 'https://aiplatform.googleapis.com' } = how
  const folder = mkdtempSync(join(tmpdir(), 'ccr-vertex-'))
  const google = await startGoogle()
  for (const name of VARIABLES) vi.stubEnv(name, undefined)
  // No credentials but those that a test gives, and no search of the network for any.
  vi.stubEnv('CLOUDSDK_CONFIG', folder)
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  vi.stubEnv('PATH', folder)
  if (credentials !== undefined) {
    const file = join(folder, 'file.json')
    writeFileSync(file, typeof credentials === 'string' ? credentials : JSON.stringify(credentials))
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
  }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value.replace('GOOGLE', google.host))
  const sent: Sent[] = []
  const when = { target: ({ provider }: { readonly provider: string }) => provider === 'test' }
  const test = await createTestKernel({
    leaks: 'ignore',
    plugins: [
      ...[anthropic, openai, gemini, routeTo('test', model)],
      ...(how.plugins ?? []),
      { plugin, options, when },
    ],
    providers: [
      { name: 'test', models: [model], dialect, baseUrl },
      { name: 'other', models: ['m'], dialect: 'anthropic', baseUrl: 'https://other.example' },
    ],
    ...(how.sections && { sections: how.sections }),
    http: google.http,
    upstream: async ({ url, headers, body }) => {
      const text = Buffer.from(body).toString()
      sent.push({ url, headers, text, body: JSON.parse(text) as JsonObject })
      return url.startsWith('https://other.example') ? json(ANSWERS['anthropic']) : answer(sent.at(-1)!)
    },
  })
  return {
    test,
    google,
    sent,
    get last() {
      return sent.at(-1)!
    },
    ask: (request = {}, headers = {}) => {
      const question = { model: 'asked', max_tokens: 9, messages: [{ role: 'user', content: 'q' }] }
      return test.request({ body: typeof request === 'string' ? request : { ...question, ...request }, headers })
    },
    close: async () => {
      await test.dispose()
      await google.close()
      vi.unstubAllEnvs()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
