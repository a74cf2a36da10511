import { isObject, type Attempt, type JsonObject, type Outbound, type PluginContext } from '@ccr/sdk'
import type { Call, Calls } from './calls.ts'
import type { LegacyTransformer } from './legacy-class.ts'
import { legacyProvider } from './provider.ts'
import { toUnified } from './unified.ts'

/** What the wire handler works with. */
export interface RequestTapOptions {
  readonly instance: LegacyTransformer
  readonly name: string
  readonly calls: Calls
  readonly ctx: PluginContext
  /** The class has a hook for requests; else the handler only notes what its hook for answers needs. */
  readonly isCalled: boolean
}

/** The handler of the wire stage: gives the class a copy of the body, and sends what it makes of it. */
export function requestTap({ instance, name, calls, ctx, isCalled }: RequestTapOptions) {
  return async (outbound: Outbound, attempt: Attempt): Promise<Outbound | undefined> => {
    const call = calls.of(attempt)
    call.stream = outbound.stream
    call.many = Number((outbound.body as JsonObject)['n']) > 1
    if (!isCalled) return undefined
    const { unified, settle } = toUnified(outbound.body as JsonObject)
    const provider = legacyProvider(outbound, attempt, { instance, ctx, call })
    const hook = instance.transformRequestIn
    if (typeof hook !== 'function') throw new Error(`transformRequestIn of ${name} is no function`)
    const given: unknown = await Reflect.apply(hook, instance, [unified, provider, call.context])
    const { body, config } = unwrap(given, name)
    call.config = config
    return { ...outbound, body: settle(body) }
  }
}

/** A body stands by itself, or beside how it is to be sent. */
function unwrap(given: unknown, name: string): { readonly body: JsonObject; readonly config: Call['config'] } {
  if (!isObject(given)) throw new Error(`transformRequestIn of ${name} gave ${kindOf(given)} and no body`)
  const { body, config } = given
  if (!isObject(body)) {
    // Only what is beside a body is a config.
    if (body === undefined || !('config' in given)) return { body: given, config: undefined }
    throw new Error(`transformRequestIn of ${name} gave a body that is ${kindOf(body)}`)
  }
  if (config !== undefined && config !== null && !isObject(config))
    throw new Error(`transformRequestIn of ${name} gave a config that is ${kindOf(config)}`)
  return { body, config: config ?? undefined }
}

/** What a value is, in words. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
