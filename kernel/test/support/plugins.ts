import { definePlugin, MessageWriter, Type, type CanonicalEvent, type Dialect, type PluginContext } from '@ccr/sdk'

/** A plugin in one line. */
export function plugin(name: string, activate: (ctx: PluginContext) => void | Promise<void>) {
  return definePlugin({
    name,
    apiVersion: 1,
    description: 'for a test',
    options: Type.Object({}, { additionalProperties: false }),
    contributes: ['providers'],
    activate: activate as never,
  })
}

/** Answers `pong` inside the process and routes everything to itself. */
export const echo = plugin('echo', (ctx) => {
  ctx.contribute('providers', {
    name: 'echo',
    models: ['echo'],
    async *local(_request, attempt) {
      const events: CanonicalEvent[] = []
      const writer = new MessageWriter((event) => events.push(event), { model: 'echo', newId: attempt.exchange.newId })
      writer.text('pong')
      writer.stop('end_turn')
      writer.end()
      yield events
    },
  })
  ctx.on('selectRoute', (plan) => {
    const target = { provider: 'echo', model: 'echo' }
    return {
      ...plan,
      targets: [target],
      primary: target,
      decidedBy: 'echo',
      source: 'config' as const,
      scenario: 'default',
    }
  })
})

/** Sends everything to the provider `test`, and to further ones if named. */
export function routeTo(...providers: readonly string[]) {
  return plugin('route', (ctx) =>
    ctx.on('selectRoute', (plan) => ({
      ...plan,
      targets: providers.map((provider) => ({ provider, model: 'model' })),
      decidedBy: 'route',
      source: 'config' as const,
      scenario: 'default',
    })),
  )
}

/**
 * The canonical form as its own wire protocol: one JSON event a line, both ways. It lets the kernel's tests speak of
 * the kernel alone.
 */
export const plain: Dialect<object, CanonicalEvent> = {
  name: 'plain',
  client: {
    decode: ({ body }) => ({ request: JSON.parse(body.toString()), client: { app: 'test' } }),
    encoder: () => ({
      contentType: 'application/jsonl',
      events: (batch) => batch.map((event) => `${JSON.stringify(event)}\n`).join(''),
      ping: () => '{"type":"ping"}\n',
      failure: ({ type, message }) => `${JSON.stringify({ type: 'error', error: { type, message } })}\n`,
    }),
    message: (message) => message,
    failure: ({ type, message }, requestId) => ({ type: 'error', error: { type, message }, request_id: requestId }),
  },
  target: {
    encode: (request, { model }) => ({ ...request, model }),
    address: ({ baseUrl }, secret) => ({ url: baseUrl, headers: {}, auth: secret && { scheme: 'bearer', secret } }),
    reader: (contentType) => {
      if (!contentType.startsWith('application/jsonl')) return undefined
      let rest = ''
      const decoder = new TextDecoder()
      return {
        push: (bytes, emit) => {
          const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
          rest = lines.pop()!
          for (const line of lines) if (line !== '') emit(JSON.parse(line) as CanonicalEvent)
        },
        end: (emit) => void (rest !== '' && emit(JSON.parse(rest) as CanonicalEvent)),
      }
    },
    explode: (answer) => answer as readonly CanonicalEvent[],
    decoder: () => ({ chunk: (event, emit) => emit(event) }),
    error: (body) => (body as { error?: { message?: string } }).error,
  },
}

export const plainDialect = plugin('dialect-plain', (ctx) => {
  ctx.dialect(plain)
  ctx.endpoint({ method: 'POST', path: '/plain', dialect: 'plain', client: plain.client! })
})

/** A request every test can send. */
export const hello = { model: 'asked', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] }

/** A whole answer as events. */
export function answerEvents(text: string): CanonicalEvent[] {
  const events: CanonicalEvent[] = []
  const writer = new MessageWriter((event) => events.push(event), {
    model: 'upstream-model',
    newId: (prefix) => `${prefix}1`,
  })
  for (const word of text.split(/(?<= )/)) writer.text(word)
  writer.stop('end_turn')
  writer.usage({ input_tokens: 3, output_tokens: 2 })
  writer.end()
  return events
}

export function lines(events: readonly unknown[]): string[] {
  return events.map((event) => `${JSON.stringify(event)}\n`)
}
