import { CcrError, isCcrError, type CanonicalMessage, type ClientDialect, type FailureReply } from '@ccr/sdk'
import { Cancellation } from '@ccr/sdk/kernel'
import type { RunInner } from '../core/context.ts'
import { runExchange } from './exchange.ts'
import type { ClientSink } from './ports.ts'
import { ExchangeState } from './state.ts'

/** How many exchanges may run inside each other. */
const DEPTH = 4

/**
 * Runs an exchange inside another, whose lease, profile and cancellation it shares; see `PluginContext.exchange`.
 * With a `reader` it is streamed, and gives nothing at its end.
 */
export const runInner: RunInner = async (request, where, reader) => {
  const { parent, target } = where
  if (!(parent instanceof ExchangeState)) throw failed('its parent is not an exchange that a hook was given')
  if (parent.ended) throw failed('its parent has ended')
  if (parent.depth >= DEPTH) throw failed(`more than ${DEPTH} exchanges run inside each other; end the recursion`)
  const { generation, runtime, log } = parent.served
  let answer: CanonicalMessage | undefined
  let failure: FailureReply | undefined
  let taken: Promise<void> | undefined
  const client: ClientDialect = {
    decode: () => ({ request: { ...request, stream: reader !== undefined }, client: parent.client }),
    encoder: () => ({
      contentType: '',
      events: (batch) => {
        taken = reader!.take(batch)
        return ' '
      },
      ping: () => '',
      failure: (reply) => {
        failure = reply
        return ''
      },
    }),
    message: (message) => (answer = message),
    failure: (reply) => (failure = reply),
  }
  // Events are taken as they are encoded; there are no bytes to write.
  const sink: ClientSink = { ...NOWHERE, write: () => taken === undefined, drained: () => taken! }
  const { profile, headers, patience } = parent
  const cancellation = new Cancellation()
  const leave = (): void => cancellation.abort(parent.cancellation.aborted ? parent.cancellation.reason : unwanted())
  const signals = [parent.cancellation, reader?.signal, where.signal]
  if (signals.some((signal) => signal?.aborted)) leave()
  for (const signal of signals) signal?.addEventListener('abort', leave)
  const input = { body: Buffer.alloc(0), headers, url: '', params: {} }
  const inner = { parent, target }
  const lease = { generation, release: generation.acquire() }
  const incoming = { dialect: 'canonical', client, input, profile, sink, cancellation, inner }
  patience?.pause()
  await runExchange(lease, incoming, runtime, log)
  patience?.resume()
  for (const signal of signals) signal?.removeEventListener('abort', leave)
  if (cancellation.aborted && isCcrError(cancellation.reason)) throw cancellation.reason
  if (answer || (reader && !failure)) return answer
  throw failed(failure?.message ?? 'it gave no answer', failure)
}

const NOWHERE = { head: () => undefined, end: () => undefined, destroy: () => undefined }

function unwanted(): CcrError {
  return new CcrError('CCR_CLIENT_CLOSED', 'the plugin that ran an inner exchange wants no more of it')
}

function failed(fact: string, cause?: FailureReply): CcrError {
  return new CcrError('CCR_EXCHANGE_FAILED', `an inner exchange failed: ${fact}`, { cause })
}
