import { CcrError, isCcrError, type CanonicalMessage, type CanonicalRequest, type FailureReply } from '@ccr/sdk'
import type { ClientDialect, InnerOptions } from '@ccr/sdk'
import { runExchange } from './exchange.ts'
import type { ClientSink } from './ports.ts'
import { ExchangeState } from './state.ts'

/** How many exchanges may run inside each other. */
const DEPTH = 4

/** Runs an exchange inside another, whose lease, profile and cancellation it shares; see `PluginContext.exchange`. */
export async function runInner(request: CanonicalRequest, where: InnerOptions): Promise<CanonicalMessage> {
  const { parent, target } = where
  if (!(parent instanceof ExchangeState)) throw failed('its parent is not an exchange that a hook was given')
  if (parent.ended) throw failed('its parent has ended')
  if (parent.depth >= DEPTH) throw failed(`more than ${DEPTH} exchanges run inside each other; end the recursion`)
  const { generation, runtime, log } = parent.served
  let answer: CanonicalMessage | undefined
  let failure: FailureReply | undefined
  const client: ClientDialect = {
    decode: () => ({ request: { ...request, stream: false }, client: parent.client }),
    encoder: () => {
      throw failed('an inner exchange is not streamed')
    },
    message: (message) => (answer = message),
    failure: (reply) => (failure = reply),
  }
  const { cancellation, profile, headers } = parent
  const input = { body: Buffer.alloc(0), headers, url: '', params: {} }
  const inner = { parent, target }
  const lease = { generation, release: generation.acquire() }
  const incoming = { dialect: 'canonical', client, input, profile, sink: NOWHERE, cancellation, inner }
  await runExchange(lease, incoming, runtime, log)
  if (answer) return answer
  if (cancellation.aborted && isCcrError(cancellation.reason)) throw cancellation.reason
  throw failed(failure?.message ?? 'it gave no answer', failure)
}

/** Nobody reads what is written: the answer is taken before it becomes bytes. */
const NOWHERE: ClientSink = {
  head: () => undefined,
  write: () => true,
  drained: () => Promise.resolve(),
  end: () => undefined,
  destroy: () => undefined,
}

function failed(fact: string, cause?: FailureReply): CcrError {
  return new CcrError('CCR_EXCHANGE_FAILED', `an inner exchange failed: ${fact}`, { cause })
}
