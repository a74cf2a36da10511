import { definePlugin, Type, type CanonicalRequest, type Plugin } from '@ccr/sdk'
import { createTestKernel, json, type TestAnswer, type TestKernel } from '@ccr/sdk/testing'
import plugin from '../src/index.ts'

/** A kernel between a client and providers of this dialect, and what these were sent. */
export interface World {
  readonly test: TestKernel
  readonly sent: CanonicalRequest[]
}

/** `answer` is asked with each body in turn; `providers` are tried in their order, one after a failed other. */
export async function createWorld(
  answer: (body: CanonicalRequest) => TestAnswer,
  providers: readonly string[] = ['test'],
): Promise<World> {
  const sent: CanonicalRequest[] = []
  const test = await createTestKernel({
    plugins: [plugin, routeTo(providers)],
    providers: providers.map((name) => ({ name, dialect: 'anthropic' })),
    upstream: ({ body }) => {
      sent.push(JSON.parse(String(body)) as CanonicalRequest)
      return answer(sent.at(-1)!)
    },
  })
  return { test, sent }
}

/** A whole answer of this protocol. */
export function said(text: string): TestAnswer {
  const usage = { input_tokens: 1, output_tokens: 1 }
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'model', usage }
  return json({ ...message, content: [{ type: 'text', text }], stop_reason: 'end_turn', stop_sequence: null })
}

/** A refusal of this protocol. */
export function refused(message: string, status = 400): TestAnswer {
  return json({ type: 'error', error: { type: 'invalid_request_error', message } }, status)
}

/** Sends everything to these providers in turn. */
export function routeTo(providers: readonly string[]): Plugin {
  return definePlugin({
    name: 'route-to',
    apiVersion: 1,
    description: 'Sends everything to the providers in turn.',
    options: Type.Object({}, { additionalProperties: false }),
    activate(ctx) {
      const targets = providers.map((provider) => ({ provider, model: 'model' }))
      ctx.on('selectRoute', (plan) => ({ ...plan, targets, primary: targets[0], decidedBy: 'route-to' }))
      ctx.on('onError', () => ({ action: 'next' }))
    },
  })
}
