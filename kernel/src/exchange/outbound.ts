import { type CanonicalRequest, CcrError, isCcrError, type Outbound } from '@ccr/sdk'
import { addHeaders, credentialHeaders, factOf, joined, mergeHeaders, ownCredentials } from '@ccr/sdk/kernel'
import { holdsField, toJsonBody, withField, withModel } from '@ccr/sdk/kernel'
import type { AttemptState } from './attempt.ts'

/**
 * Moves one attempt's request, built from the pristine canonical one, through its stages. Gives what goes to the
 * network as `wire`, or without it what goes to a provider inside the process. May throw SkipTarget.
 */
export async function prepareOutbound(attempt: AttemptState) {
  const { exchange, target, provider: to } = attempt
  const { request: pristine, raw, stream, served, world } = exchange
  const hooks = world.targetHooks(to.dialect, target)
  const { baseUrl } = to
  const first: Outbound = { dialect: 'canonical', baseUrl, model: target.model, stream, body: pristine, headers: {} }
  const canonical = hooks.canonical ? await hooks.canonical.promise(exchange.frozen(first), attempt) : first
  // Handlers of the canonical stage are held to the canonical form by their type and by the hook's result check.
  const request = canonical.body as CanonicalRequest
  if (to.contributed) return { request, wire: undefined }

  const dialect = world.dialects.get(to.dialect)!.target!
  const ask = <T>(act: () => T): T => ofDialect(to.dialect, act)
  const sameForm = request === pristine && exchange.dialect === to.dialect
  const mayPass = sameForm && raw !== undefined && !raw.marked && !dialect.mustEncode?.(attempt)
  // Encoding reads the whole body, so a request that may pass is encoded only for handlers who want to see it.
  const encoded = mayPass && !hooks.wire ? request : ask(() => dialect.encode(request, canonical, attempt))
  const outbound = withBody(canonical, to.dialect, encoded)
  const patched = hooks.wire ? await hooks.wire.promise(exchange.frozen(outbound), attempt) : outbound
  const wire = patched.headers === first.headers ? patched : { ...patched, headers: mergeHeaders(patched.headers) }
  const { modelField: field } = wire
  const same = wire.body === encoded && wire.stream === stream
  const passthrough = mayPass && same && holdsField(pristine, raw, field)

  const made = passthrough
    ? withModel(raw, wire.model, field)
    : toJsonBody(
        withField(
          ask(() => dialect.strip?.(wire.body) ?? wire.body),
          field,
        ),
      )
  const body = hooks.send ? joined(made) : made
  const address = ask(() => dialect.address(wire, to.secret, attempt))
  const given = mergeHeaders({ 'content-type': 'application/json' }, address.headers, wire.headers)
  const auth = wire.auth ?? address.auth
  const addressed: Outbound = { ...withBody(wire, wire.dialect, body), headers: given, auth, url: address.url }
  const sent = hooks.send ? await hooks.send.promise(addressed, attempt) : addressed
  const url = sent.url ?? address.url
  const own = to.clientCredentials && !sent.auth ? ownCredentials(exchange.headers, to.baseUrl, url) : undefined
  // Credentials come last, so that no header can stand beside or before them, in an object that no handler has seen.
  const headers = addHeaders(hooks.send ? mergeHeaders(sent.headers) : given, credentialHeaders(sent.auth), own)
  // A streamed answer may begin with a guess at the tokens of the request, which reads it again.
  if (!stream) raw?.forget?.()
  const { connect: connectTimeoutMs } = served.runtime.settings.timeouts
  return { request, wire: { url, headers, body, stream, passthrough, connectTimeoutMs, signal: attempt.cancellation } }
}

/**
 * The outbound with another body. Each field is named: V8 gives every object that is made of a spread and more a shape
 * of its own, and reading such objects cost a small request a tenth of its time.
 */
function withBody(outbound: Outbound, dialect: string, body: unknown): Outbound {
  const { baseUrl, model, stream, headers, auth, modelField, url } = outbound
  return { dialect, baseUrl, model, stream, body, headers, auth, modelField, url }
}

/** Runs code of a dialect; what it throws names it. */
export function ofDialect<T>(name: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    if (isCcrError(cause)) throw cause
    throw new CcrError('CCR_HOOK_FAILED', `dialect '${name}' failed: ${factOf(cause)}`, { cause })
  }
}
