import type { Attempt, Outbound, PluginContext } from '@ccr/sdk'
import type { Call } from './calls.ts'
import type { LegacyTransformer } from './legacy-class.ts'

/** What a request hook is given of the provider. */
export interface LegacyProvider {
  readonly name: string
  readonly baseUrl: string
  readonly models: readonly string[]
  readonly transformer: { readonly use: readonly LegacyTransformer[] }
  /** No enumeration shows it, so that a provider can be printed. */
  readonly apiKey: string | undefined
}

/**
 * The provider as transformers know it. Its key is the one thing that they are given in clear, and only the key of a
 * provider whose `transformer` names them: they make headers of it in forms that nobody can foresee, such as the base64
 * of a text around it. It is revealed when they read it.
 */
export function legacyProvider(
  { baseUrl }: Outbound,
  attempt: Attempt,
  { instance, ctx, call }: { instance: LegacyTransformer; ctx: PluginContext; call: Call },
): LegacyProvider {
  const { name, models } = attempt.provider
  const secret = ctx.credential(attempt)
  const provider = { name, baseUrl, models: [...models], transformer: { use: [instance] } }
  const get = (): string | undefined => (call.key = secret?.reveal())
  Object.defineProperty(provider, 'apiKey', { get, configurable: true, enumerable: false })
  return provider as LegacyProvider & typeof provider
}
