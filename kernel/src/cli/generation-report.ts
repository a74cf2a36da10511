import type { SafeModeReport } from '../host/safe-mode.ts'
import { callAdmin } from './admin.ts'

/** A fault that kept a config or plugin out. */
export interface ReportedFault {
  readonly message: string
  /** `file:line:column`. */
  readonly at?: string | undefined
}

/** A plugin in use; times in milliseconds. */
export interface ReportedInstance {
  readonly id: string
  readonly plugin: string
  readonly profile: string
  readonly timing: {
    readonly bundleMs?: number | undefined
    readonly evaluateMs?: number | undefined
    readonly activateMs: number
  }
  /** What its handlers were called for and what they cost, by hook. */
  readonly hooks: Readonly<Record<string, ReportedUse>>
  /** Why it is no longer called. */
  readonly quarantine?: { readonly hook: string; readonly message: string } | undefined
}

/** The calls of one plugin's handlers of one hook; times in milliseconds. */
export interface ReportedUse {
  readonly calls: number
  readonly errors: number
  readonly timeouts: number
  readonly ms: number
  readonly maxMs: number
}

/** What the router says of its generation, as far as the command line reads it. */
export interface GenerationReport {
  readonly generation: number
  readonly disabledProviders: readonly {
    readonly name: string
    readonly reason: string
    readonly at?: string | undefined
  }[]
  /** Presets that are left out, or served as they were before a change. */
  readonly brokenPresets: readonly {
    readonly name: string
    readonly reason: string
    readonly at?: string | undefined
    readonly servedAsBefore: boolean
  }[]
  /** The routing worlds that are served, `default` included. */
  readonly profiles: readonly string[]
  /** What works, but probably not as meant. */
  readonly warnings: readonly string[]
  /** What requests asked for by name in vain, the last first; `last` is an ISO 8601 date. */
  readonly unmatched: readonly { readonly what: string; readonly count: number; readonly last: string }[]
  /** Plugins that were left out. */
  readonly failures: readonly (ReportedFault & { readonly subject: string })[]
  readonly instances: readonly ReportedInstance[]
  /** Changes of plugins that were taken back. */
  readonly reverted: readonly { readonly entry: string; readonly profile: string; readonly message: string }[]
  /** Replaced generations that exchanges still run on. */
  readonly draining: readonly {
    readonly generation: number
    readonly leases: number
    readonly exchanges: readonly { readonly path: string; readonly ms: number }[]
  }[]
  /** Why the last change was not taken. */
  readonly lastError?: ReportedFault | undefined
  /** Present while third-party plugins are left out. */
  readonly safeMode?: SafeModeReport | undefined
}

const READ_DEADLINE_MS = 5_000
/** Activation of plugins included. */
const RELOAD_DEADLINE_MS = 120_000

/** `GET /api/generation`. */
export async function readGeneration(home: string, url: string): Promise<GenerationReport> {
  const { status, body } = await callAdmin(home, url, 'GET', '/api/generation', READ_DEADLINE_MS)
  if (status !== 200) throw new Error(faultIn(body, status).message)
  return body as GenerationReport
}

/** `POST /api/reload`: the new generation, or why there is none. */
export async function requestReload(home: string, url: string): Promise<GenerationReport | ReportedFault> {
  const { status, body } = await callAdmin(home, url, 'POST', '/api/reload', RELOAD_DEADLINE_MS)
  return status === 200 ? (body as GenerationReport) : faultIn(body, status)
}

function faultIn(body: unknown, status: number): ReportedFault {
  const error = Object(Object(body).error) as Partial<ReportedFault>
  return { message: error.message ?? `the router answered with status ${status}`, at: error.at }
}
