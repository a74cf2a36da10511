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
