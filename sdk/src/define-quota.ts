import type { Static, TObject, TProperties } from './typebox/index.ts'
import type { Capability, PluginHttp } from './facilities.ts'
import { definePlugin, type Plugin } from './plugin.ts'
import type { QuotaReading, QuotaProblem, QuotaSource, QuotaReader } from './quota.ts'

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
    options: draft.options,
    scope: 'host',
    contributes: ['quotas'],
    capabilities: draft.capabilities ?? hosts.map((host) => `network:${host.replace(/^\./, '*.')}` as const),
    activate(ctx) {
      const { options, http } = ctx
      ctx.contribute('quotas', { id: name, label, hosts, read: (source) => draft.read(source, { options, http }) })
    },
  })
}
