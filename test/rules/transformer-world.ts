import { definePlugin, type Plugin, type Target } from '@ccr/sdk'
import { createTestKernel, json, type TestReply, type TestUpstream } from '@ccr/sdk/testing'
import anthropic from '@ccr/plugin-dialect-anthropic'
import gemini from '@ccr/plugin-dialect-gemini'
import openai from '@ccr/plugin-dialect-openai'
import responses from '@ccr/plugin-dialect-openai-responses'
import { completion, message } from './upstream.ts'

/** The wire protocols that providers speak. */
export const DIALECTS = ['anthropic', 'openai', 'openai-responses', 'gemini'] as const
export type DialectName = (typeof DIALECTS)[number]

/** A transformer, or one with its options, as it stands in a list. */
export type Used = Plugin | readonly [Plugin, object]

/** How a request is sent. */
export interface Sending {
  readonly dialect: DialectName
  /** `transformer.use` of the provider. */
  readonly use?: readonly Used[]
  /** `transformer.model.use`. */
  readonly modelUse?: readonly Used[]
  /** Fields beside those of a short question in the Messages protocol, or its text as it stands. */
  readonly request?: object | string
  /** Path of the endpoint that is asked; `/v1/messages` unless given. */
  readonly path?: string
  /** A whole answer that says little unless given. */
  readonly upstream?: TestUpstream
}

/** What came of it. */
export interface Sent {
  /** Every body that went out, in order. */
  readonly bodies: readonly Readonly<Record<string, unknown>>[]
  /** The last one. */
  readonly body: Readonly<Record<string, unknown>>
  /** The same as it stood on the wire. */
  readonly text: string
  readonly reply: TestReply
}

const WHOLE: Readonly<Record<DialectName, object>> = {
  anthropic: message('hello'),
  openai: completion('hello'),
  'openai-responses': {
    status: 'completed',
    output: [
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hello', annotations: [] }] },
    ],
  },
  gemini: { candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] }, finishReason: 'STOP' }] },
}

/** Sends one request to a provider with these lists of transformers; its model is the one that the request names. */
export async function sendThrough(how: Sending): Promise<Sent> {
  const { dialect, use = [], modelUse = [], request = {}, path = '/v1/messages' } = how
  const { upstream = () => json(WHOLE[dialect]) } = how
  const texts: string[] = []
  const kernel = await createTestKernel({
    plugins: [
      ...[anthropic, openai, responses, gemini, route],
      // As the config reads the two lists.
      ...use.map((used, index) => entryOf(used, `${index}`, ({ provider }) => provider === 'test')),
      ...modelUse.map((used, index) => entryOf(used, `m${index}`, ({ model }) => model === 'model')),
    ],
    providers: [{ dialect }],
    upstream: (sent) => {
      texts.push(String(sent.body))
      return upstream(sent)
    },
  })
  const question = { model: 'model', max_tokens: 1000, stream: false, messages: [{ role: 'user', content: 'hi' }] }
  const reply = await kernel.request({
    path,
    body: typeof request === 'string' ? request : JSON.stringify({ ...question, ...request }),
  })
  await kernel.dispose()
  const bodies = texts.map((text) => JSON.parse(text) as Sent['body'])
  return { bodies, body: bodies.at(-1) ?? {}, text: texts.at(-1) ?? '', reply }
}

function entryOf(used: Used, place: string, target: (target: Target) => boolean) {
  const [plugin, options = {}] = 'name' in used ? [used] : used
  return { plugin, options, id: `${plugin.name}@${place}`, when: { target } }
}

const route = definePlugin({
  name: 'route-to',
  apiVersion: 1,
  description: 'Sends each request to the model that it names.',
  activate(ctx) {
    ctx.on('selectRoute', (plan, { request }) => {
      const target = { provider: 'test', model: request.model }
      return { ...plan, targets: [target], primary: target, decidedBy: 'route-to' }
    })
  },
})
