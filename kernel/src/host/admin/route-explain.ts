import { CcrError, isCcrError, type HeaderBag, type RoutePlan, type Target } from '@ccr/sdk'
import { Cancellation } from '@ccr/sdk/kernel'
import { DEFAULT_PROFILE, type Generation } from '../../core/generation.ts'
import type { Log } from '../../core/log.ts'
import { planRoute } from '../../exchange/plan.ts'
import type { ClientSink, Runtime } from '../../exchange/ports.ts'
import { ExchangeState } from '../../exchange/state.ts'
import { createEndpointTable, endpointsOf } from '../http/table.ts'

/** A request whose route is asked for. */
export interface RouteQuestion {
  /** Of the endpoint that a client would call, such as `/v1/messages`. */
  readonly path: string
  /** Lower-case names. */
  readonly headers: HeaderBag
  readonly body: Buffer
}

/** Where a request would go, and why. */
export interface RouteExplanation extends Partial<Omit<RoutePlan, 'request' | 'targets'>> {
  /** The model that it asks for. */
  readonly asked: string
  readonly profile: string
  /** The chosen targets whose provider exists, in the order in which they would be tried. */
  readonly targets: readonly Target[]
  /** A router put another request in its place. */
  readonly rewritten: boolean
  /** Why it would go nowhere. */
  readonly error?: { readonly code: string; readonly message: string } | undefined
}

/**
 * Runs the routers alone over a request: nothing that sees requests before them, no attempt, no record.
 *
 * @throws CcrError `CCR_REQUEST_INVALID`, `CCR_ROUTE_NONE` for a path without such an endpoint
 */
export async function explainRoute(
  generation: Generation,
  { path, headers, body }: RouteQuestion,
  runtime: Runtime,
  log: Log,
): Promise<RouteExplanation> {
  const found = createEndpointTable(endpointsOf(generation)).find('POST', path)
  if (!found || !('endpoint' in found) || !('client' in found.endpoint))
    throw new CcrError('CCR_ROUTE_NONE', `no client can send a request to ${path}; ask for one such as /v1/messages`)
  const { dialect, client, profile = DEFAULT_PROFILE } = found.endpoint
  const input = { body, headers, url: path, params: found.params }
  const incoming = { dialect, client, input, profile, sink: NOWHERE, cancellation: new Cancellation() }
  const exchange = new ExchangeState(runtime.newId('req_'), client.decode(input), incoming, {
    generation,
    runtime,
    log,
  })
  const release = generation.acquire()
  try {
    const { targets, error } = await targetsOf(exchange)
    const { request, targets: _, ...plan } = exchange.plan ?? { targets: [] }
    return { asked: exchange.requestedModel, profile, ...plan, targets, rewritten: request !== undefined, error }
  } finally {
    release()
  }
}

async function targetsOf(exchange: ExchangeState): Promise<Pick<RouteExplanation, 'targets' | 'error'>> {
  try {
    const found = await planRoute(exchange)
    return { targets: found.map(({ target }) => target) }
  } catch (thrown) {
    if (!isCcrError(thrown)) throw thrown
    return { targets: [], error: { code: thrown.code, message: thrown.message } }
  }
}

/** Nothing is answered. */
const NOWHERE: ClientSink = {
  head: () => undefined,
  write: () => true,
  drained: () => Promise.resolve(),
  end: () => undefined,
  destroy: () => undefined,
}
