import { namedTarget, spelledAs } from '@ccr/sdk'
import { writtenKey } from '../../config/aliases.ts'
import { isPlainObject } from '../../config/plain-data.ts'
import type { ModelLimits, ProviderConfig } from '../../config/schema.ts'

/** What a client should know of the model that it is going to talk to; absent where the config does not say. */
export interface LaunchHints {
  /** Tokens that a conversation may grow to. */
  readonly contextTokens?: number | undefined
  /** Tokens that one answer may have. */
  readonly outputTokens?: number | undefined
}

/** Routes between which a conversation moves as it grows. */
const GROWING = ['default', 'longContext', 'extendedContext']
/** Routes that its answers come from. */
const ANSWERING = [...GROWING, 'think']

/**
 * What `model_limits` of the providers say of the models that a client will reach: of the one that it asks for as
 * `provider,model`, or else of those that `Router` sends a conversation to. A conversation may grow to the largest
 * window among them, because it is routed by its size; an answer must fit the smallest limit. `ContextWindow` comes
 * before all windows.
 *
 * @param config a whole config, already checked
 */
export function launchHints(config: Readonly<Record<string, unknown>>, model: string | undefined): LaunchHints {
  const providers = (config[writtenKey(config, 'Providers')] ?? []) as readonly ProviderConfig[]
  const router = isPlainObject(config['Router']) ? config['Router'] : {}
  const limitsOf = (names: readonly string[]): readonly ModelLimits[] => {
    const routes = model?.includes(',') === true ? [model] : names.map((name) => router[name])
    return routes.flatMap((route) => (typeof route === 'string' ? (limitsOfRoute(route, providers) ?? []) : []))
  }
  const windows = limitsOf(GROWING).flatMap(({ context_window: tokens }) => tokens ?? [])
  const outputs = limitsOf(ANSWERING).flatMap(({ max_output_tokens: tokens }) => tokens ?? [])
  const { ContextWindow: window } = config as { readonly ContextWindow?: number }
  return {
    contextTokens: window ?? (windows.length > 0 ? Math.max(...windows) : undefined),
    outputTokens: outputs.length > 0 ? Math.min(...outputs) : undefined,
  }
}

/** The model that a client is told to ask for, by its arguments or its environment. */
export function modelAskedFor(args: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  const options = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined)
  const joined = options.findLast((arg) => arg.startsWith('--model='))
  const at = options.lastIndexOf('--model')
  return (at >= 0 ? options[at + 1] : joined?.slice('--model='.length)) ?? (env['ANTHROPIC_MODEL'] || undefined)
}

/** Providers that were left out as faulty are still in the config, so that nothing of them is taken for granted. */
function limitsOfRoute(route: string, given: readonly ProviderConfig[]): ModelLimits | undefined {
  const providers = given.filter((one: unknown) => isPlainObject(one) && typeof one['name'] === 'string')
  const target = namedTarget(
    route,
    providers.map(({ name }) => ({ name, models: [] })),
  )
  const limits = providers.find(({ name }) => name === target?.provider)?.model_limits
  if (!target || !isPlainObject(limits)) return undefined
  const key = spelledAs(target.model, Object.keys(limits)) ?? '*'
  const found = { ...(limits['*'] as object | undefined), ...(limits[key] as object | undefined) } as ModelLimits
  const whole = Object.values(found).every((tokens) => Number.isInteger(tokens) && (tokens as number) > 0)
  return whole ? found : undefined
}
