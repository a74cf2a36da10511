import { createSseReader, definePlugin, type CanonicalEvent, type Dialect, type Plugin } from '@ccr/sdk'
import { fixtures } from './fixtures.ts'

/** The path at which {@link plainClient} takes requests. */
export const PLAIN_PATH = '/plain/messages'

/** A client whose wire format is the canonical form itself: a request as JSON, an answer as server-sent events. */
export function plainClient(): Plugin {
  return definePlugin({
    name: 'plain-client',
    apiVersion: 1,
    description: 'A client for tests.',
    activate(ctx) {
      ctx.endpoint({ method: 'POST', path: PLAIN_PATH, dialect: 'plain', client })
    },
  })
}

const client: NonNullable<Dialect['client']> = {
  decode: ({ body }) => ({ request: JSON.parse(body.toString()), client: { app: 'test' } }),
  encoder: () => ({
    contentType: 'text/event-stream',
    events: (batch) => fixtures.toSse(batch),
    ping: () => fixtures.toSse([{ type: 'ping' }]),
    failure: ({ type, message }) => fixtures.toSse([{ type: 'error', error: { type, message } }]),
  }),
  message: (message) => message,
  failure: ({ type, message }) => ({ type: 'error', error: { type, message } }),
}

/** What a {@link wireDialect} says in the place of a real one. */
export interface WireFixture {
  readonly dialect: string
  /** The body that stands for every request; the canonical request unless given. */
  readonly body?: object | undefined
}

/**
 * The provider side of a wire protocol for tests, of which it knows only that its answers are server-sent events of
 * JSON. The canonical form of an event is a piece of text that holds it, so that what a wire stage did to it is seen
 * in the answer; in the dialect `plain` events are canonical already.
 */
export function wireDialect({ dialect, body }: WireFixture): Plugin {
  return definePlugin({
    name: `wire-${dialect}`,
    apiVersion: 1,
    description: 'A dialect for tests.',
    activate(ctx) {
      const plain = dialect === 'plain'
      ctx.dialect<object, object>({
        name: dialect,
        target: {
          encode: (request, { model, stream }) => ({ ...(body ?? request), model, stream }),
          address: ({ baseUrl }, secret) => ({
            url: baseUrl,
            headers: {},
            auth: secret && { scheme: 'bearer', secret },
          }),
          reader: (contentType) => (contentType.startsWith('text/event-stream') ? createReader() : undefined),
          explode: () => [],
          decoder: () => (plain ? { chunk: (event, emit) => emit(event as CanonicalEvent) } : createShowingDecoder()),
          error: () => undefined,
        },
      })
    },
  })
}

type Target = NonNullable<Dialect<object, object>['target']>

function createReader(): NonNullable<ReturnType<Target['reader']>> {
  const reader = createSseReader()
  return {
    push: (bytes, emit) => {
      for (const { data } of reader.push(bytes)) if (data !== '[DONE]') emit(JSON.parse(data) as object)
    },
    end: (emit) => {
      for (const { data } of reader.end()) if (data !== '[DONE]') emit(JSON.parse(data) as object)
    },
  }
}

function createShowingDecoder(): ReturnType<Target['decoder']> {
  const [start] = fixtures.answer()
  let begun = false
  return {
    chunk(event, emit) {
      if (!begun) {
        begun = true
        emit(start!)
        emit({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } })
      }
      const text = JSON.stringify(event)
      emit({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })
    },
    flush(emit) {
      if (!begun) return
      emit({ type: 'content_block_stop', index: 0 })
      emit({ type: 'message_delta', delta: { stop_reason: 'end_turn' } })
      emit({ type: 'message_stop' })
    },
  }
}
