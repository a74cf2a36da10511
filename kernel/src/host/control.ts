import { CcrError, isCcrError, messageOf, type Endpoint, type EndpointReply, type EndpointRequest } from '@ccr/sdk'
import { json, refusal, saysJson } from './admin-json.ts'
import { createReport } from './generation-report.ts'
import type { BrokenPreset } from '../config/presets/installed.ts'
import type { Kernel } from '../core/kernel.ts'
import type { Reverted } from '../load/probation.ts'
import type { HoldingExchange } from './exchanges.ts'
import type { SafeModeReport } from './safe-mode.ts'
import type { Unmatched } from './unmatched.ts'

/** Something that went wrong, as it is told over HTTP. */
export interface Fault {
  readonly code: string
  readonly message: string
  /** `file:line:column`. */
  readonly at?: string | undefined
}

/** What the router knows of itself beyond its generation. */
export interface RouterState {
  readonly version: string
  readonly instanceId: string
  /** Exchanges that run. */
  readonly inFlight: number
  /** Exchanges that wait for a place. */
  readonly queued: number
  /** What works less well than it should, such as `logs`. */
  readonly degraded: readonly string[]
  readonly warnings: readonly string[]
  readonly disabledProviders: readonly {
    readonly name: string
    readonly reason: string
    readonly at?: string | undefined
  }[]
  /** Presets that are left out, or served as they were before. */
  readonly brokenPresets: readonly BrokenPreset[]
  /** Entries whose code could not be loaded. */
  readonly loadFailures: readonly (Fault & { readonly subject: string })[]
  /** Why the last change was not taken. */
  readonly lastError: Fault | undefined
  /** Present while third-party plugins are left out. */
  readonly safeMode: SafeModeReport | undefined
  /** What requests asked for by name in vain, the last first. */
  readonly unmatched: readonly Unmatched[]
}

/** What the control endpoints act on. */
export interface ControlOptions {
  readonly kernel: Kernel
  readonly state: () => RouterState
  /** Rejects when the change was not taken. */
  readonly reload: () => Promise<void>
  readonly redact: (text: string) => string
  readonly reverted: () => readonly Reverted[]
  readonly holding: (generation: number) => readonly HoldingExchange[]
}

/** `GET /health`, `GET /api/generation` and `POST /api/reload`. */
export function createControlEndpoints(options: ControlOptions): readonly Endpoint[] {
  return [
    { method: 'GET', path: '/health', access: 'public', respond: () => health(options) },
    { method: 'GET', path: '/api/generation', access: 'admin', respond: () => json(200, createReport(options)) },
    { method: 'POST', path: '/api/reload', access: 'admin', respond: (request) => reload(options, request) },
  ]
}

/** A thrown value as a fault, without secrets. */
export function toFault(thrown: unknown, redact: (text: string) => string): Fault {
  const error = isCcrError(thrown) ? (thrown satisfies CcrError) : undefined
  return { code: error?.code ?? 'CCR_UNKNOWN', message: redact(messageOf(thrown)), at: error?.at }
}

/** The same error, its message without secrets, and without the cause, which may repeat them. */
export function withoutSecrets(thrown: unknown, redact: (text: string) => string): unknown {
  if (!isCcrError(thrown)) return thrown
  const { code, message, plugin, hook, at } = thrown
  return new CcrError(code, redact(message), { plugin, hook, at })
}

function health({ kernel, state }: ControlOptions): EndpointReply {
  const { version, instanceId, inFlight, queued, lastError, degraded } = state()
  return json(200, {
    status: 'ok',
    version,
    instance: instanceId,
    generation: kernel.current?.id ?? 0,
    inFlight,
    queued,
    config: { lastError: lastError && publicFault(lastError) },
    degraded,
  })
}

/** What anybody on this machine may know: neither paths nor what a config says. */
function publicFault({ code }: Fault): object {
  return { code }
}

async function reload(options: ControlOptions, request: EndpointRequest): Promise<EndpointReply> {
  if (request.body.length > 0 && !saysJson(request))
    return refusal(415, { message: 'send no body, or one of type application/json' })
  try {
    await options.reload()
  } catch (thrown) {
    return refusal(422, toFault(thrown, options.redact))
  }
  return json(200, createReport(options))
}
