import { Type, type Static, type TObject, type TProperties } from 'typebox'
import type { Capability, PluginHttp } from './facilities.ts'
import { definePlugin, type Plugin } from './plugin.ts'
import type { Secret } from './secret.ts'

/** What of a plan's allowance was used within one window. */
export interface QuotaWindow {
  /** `5h`, `day`, `7d`, `month`, or the vendor's own. */
  readonly id: string
  /** As it is shown to people. */
  readonly label: string
  /** What `used` and `limit` count. */
  readonly unit: 'percent' | 'requests' | 'tokens' | 'credits'
  readonly used: number
  /** Absent, or not above 0, where there is none or it is unknown: such a window is never exhausted. */
  readonly limit?: number | undefined
  /** Milliseconds since the epoch; absent where the window has not begun or the vendor does not say. */
  readonly resetsAt?: number | undefined
}

/** Money that is left. */
export interface QuotaBalance {
  /** ISO 4217, such as `USD`. */
  readonly currency: string
  readonly remaining: number
  readonly total?: number | undefined
  /** What the vendor says about it; without a word it is available while something remains. */
  readonly available?: boolean | undefined
}

/** What a vendor says about one account. */
export interface QuotaReading {
  /** The name of the plan. */
  readonly plan?: string | undefined
  readonly windows: readonly QuotaWindow[]
  readonly balance?: QuotaBalance | undefined
}

/**
 * Why there is no reading: `auth` = the credential is wrong or has expired, `unsupported` = the account has no such
 * plan, `unconfigured` = a credential is missing. What was known before no longer counts then.
 */
export interface QuotaProblem {
  readonly problem: 'auth' | 'unsupported' | 'unconfigured'
  /** What the user can do about it; without secrets. */
  readonly message: string
}

/** The account that is asked about. */
export interface QuotaSource {
  /** The provider's name and address in the config. */
  readonly provider: { readonly name: string; readonly baseUrl: string }
  /** The provider's own key. */
  readonly key: Secret | undefined
  /** A further credential of the provider, `quota_token`, where the vendor wants another. */
  readonly token: Secret | undefined
  /** Aborted when the answer is no longer wanted. */
  readonly signal: AbortSignal
}

/** Reads what is left of the plans of one vendor. */
export interface QuotaReader {
  /** The name by which a provider's config can choose it. */
  readonly id: string
  readonly label: string
  /** Whose accounts it reads: hosts, and with a leading dot all below them; `api.example.com`, `.example.com`. */
  readonly hosts: readonly string[]
  /** A thrown error means that the vendor could not be asked or understood: what was known before still counts. */
  read(source: QuotaSource): Promise<QuotaReading | QuotaProblem>
}

/** What an author writes; see {@link defineQuota}. */
export interface QuotaDraft<P extends TProperties> extends Omit<QuotaReader, 'id' | 'read'> {
  /** Lower-case words joined by `-`; the reader's id. */
  readonly name: string
  /** One sentence, shown in lists. */
  readonly description: string
  /** Closed schema of its options; none unless given. */
  readonly options?: TObject<P> | undefined
  /** What it uses of the network; the `hosts` unless given. */
  readonly capabilities?: readonly Capability[] | undefined
  /** See {@link QuotaReader.read}. */
  read(source: QuotaSource, ctx: QuotaContext<Static<TObject<P>>>): Promise<QuotaReading | QuotaProblem>
}

/** What a reader is given beside the account. */
export interface QuotaContext<Options> {
  readonly options: Options
  /** The way to ask. */
  readonly http: PluginHttp
}

/**
 * Describes a plugin that reads what is left of a vendor's plans. It contributes to the point `quotas`, whose readers
 * are asked from time to time.
 *
 * @example
 * export default defineQuota({
 *   name: 'quota-example', description: 'Reads the balance of Example.', label: 'Example', hosts: ['api.example.com'],
 *   async read({ key, signal }, { http }) {
 *     if (!key) return { problem: 'unconfigured', message: 'Example wants a key; set api_key' }
 *     const auth = { scheme: 'bearer', secret: key } as const
 *     const answer = await http.fetch('https://api.example.com/balance', { auth, signal })
 *     if (answer.status === 401) return { problem: 'auth', message: 'Example refuses the key; make a new one' }
 *     const { usd } = (await answer.json()) as { usd: number }
 *     return { windows: [], balance: { currency: 'USD', remaining: usd } }
 *   },
 * })
 */
export function defineQuota<P extends TProperties = Record<never, never>>(draft: QuotaDraft<P>): Plugin {
  const { name, description, label, hosts } = draft
  return definePlugin({
    name,
    apiVersion: 1,
    description,
    options: draft.options ?? (Type.Object({}, { additionalProperties: false }) as unknown as TObject<P>),
    scope: 'host',
    contributes: ['quotas'],
    capabilities: draft.capabilities ?? hosts.map((host) => `network:${host.replace(/^\./, '*.')}` as const),
    activate(ctx) {
      const { options, http } = ctx
      ctx.contribute('quotas', { id: name, label, hosts, read: (source) => draft.read(source, { options, http }) })
    },
  })
}
