import { describeRoute, toHeaderValue } from '@ccr/sdk/kernel'
import type { RoutePlan, Target } from '@ccr/sdk'
import fc from 'fast-check'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { message, sendJson, startUpstream, type Upstream } from '../../test/rules/upstream.ts'
import { serve, type Running } from '../src/host/serve.ts'
import { ask, messagesBody } from './support/client.ts'

const Router = {
  default: 'Mock,default',
  background: 'Mock,background',
  think: 'Mock,think',
  longContext: 'Mock,long',
  longContextThreshold: 1000,
  webSearch: 'gone,web',
  image: 'Mock,eye',
  enableFamilyRouting: true,
  families: { opus: { default: 'Mock,opus', think: 'gone,x', image: 'Mock,opus-eye' } },
  models: { 'gpt-5': 'Mock,mapped', lost: 'gone,x' },
  agents: { Explore: 'Mock,explore', '*': 'Mock,agents' },
  requestClasses: { compaction: 'Mock,compact' },
}
const CUSTOM = `module.exports = (req) => {
  if (req.body.model === 'mine') return 'mock,DEFAULT'
  if (req.body.model === 'broken') throw new Error('broken')
}`

let upstream: Upstream
let root: string
let running: Running
let key: string

beforeAll(async () => {
  upstream = await startUpstream(sendJson(message('hello')))
  root = await mkdtemp(join(tmpdir(), 'ccr-explain-'))
  const home = join(root, 'home')
  await mkdir(home)
  const CUSTOM_ROUTER_PATH = join(root, 'mine.cjs')
  await writeFile(CUSTOM_ROUTER_PATH, CUSTOM)
  const provider = { api_base_url: upstream.url, api_key: 'key', models: ['default', 'a,b/c:d'], dialect: 'anthropic' }
  const config = { Providers: [{ name: 'Mock', ...provider }], Router, CUSTOM_ROUTER_PATH }
  await writeFile(join(home, 'config.json'), JSON.stringify(config))
  running = await serve({ home, port: 0, env: {}, version: '1.2.3' })
  key = (await readFile(join(home, 'run/admin.key'), 'utf8')).trim()
})

afterAll(async () => {
  await running?.close({ graceMs: 0 })
  await upstream?.close()
  await rm(root, { recursive: true, force: true })
})

const tag = (model: string): string => `<CCR-SUBAGENT-MODEL>${model}</CCR-SUBAGENT-MODEL>`
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }
const models = ['claude-x', 'claude-3-5-haiku', 'claude-opus-4', 'opus[1m]', 'gpt-5', 'lost', 'mine', 'broken']
const named = ['mock,A,B/C:D', 'Mock,new', 'gone,x', 'anthropic/mock,default', 'x,']
const fields = fc.record(
  {
    thinking: fc.constantFrom({ type: 'adaptive' }, { type: 'disabled' }),
    tools: fc.constant([{ type: 'web_search_20250305', name: 'web_search' }]),
    system: fc.constantFrom(tag('Mock,tagged'), `${tag('nobody,x')}Do it.`, tag('x'), 'Be brief.'),
    messages: fc.constantFrom(
      [{ role: 'user', content: 'the cat '.repeat(600) }],
      [{ role: 'user', content: [image] }],
      [{ role: 'user', content: [{ type: 'text', text: `${tag('mock,tagged')}Go.` }] }],
    ),
  },
  { requiredKeys: [] },
)
const headers = fc.constantFrom<Record<string, string>>(
  {},
  { 'x-claude-code-agent-id': 'a1' },
  { 'x-claude-code-agent-id': 'a1', 'x-claude-code-agent-type': 'explore' },
  { 'x-claude-code-request-class': 'compaction' },
  { 'x-claude-code-request-class': 'auxiliary' },
)

interface Explained extends Partial<RoutePlan> {
  readonly targets: readonly Target[]
  readonly error?: { readonly message: string }
}

it('an explanation says of any request what the router then does with it', async () => {
  const adminHeaders = { 'x-api-key': key }
  const model = fc.constantFrom(...models, ...named)
  const property = fc.asyncProperty(model, fields, headers, async (asked, more, sent) => {
    const body = messagesBody(asked, false, more)
    const question = { body: { headers: sent, body }, headers: adminHeaders }
    const explained = (await ask(`${running.url}/api/route/explain`, question)).json as Explained
    const answer = await ask(`${running.url}/v1/messages`, { body, headers: sent })
    const [first] = explained.targets
    if (!first) {
      expect(answer.status).toBe(404)
      expect(answer.text).toContain(JSON.stringify(explained.error!.message).slice(1, -1))
      return
    }
    expect(answer.status).toBe(200)
    expect(upstream.last.json['model']).toBe(first.model)
    expect(answer.headers).toMatchObject({
      'x-ccr-provider': first.provider,
      'x-ccr-model': toHeaderValue(first.model),
      'x-ccr-route': toHeaderValue(describeRoute(explained), 1000),
    })
  })
  await fc.assert(property, { numRuns: 120 })
})
