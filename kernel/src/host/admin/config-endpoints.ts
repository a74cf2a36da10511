import type { Endpoint, EndpointReply, EndpointRequest } from '@ccr/sdk'
import type { ConfigDraft } from '../../config/draft.ts'
import { json, readFields, refusal, takingJson } from './json.ts'
import { toFault } from './fault.ts'

/** What the endpoints of the config act on. */
export interface ConfigEndpointOptions {
  /** Absolute path of the config file that commands change. */
  readonly file: string
  /** Builds a draft, swaps it in and writes it; rejects, and changes nothing, when that is not possible. */
  readonly change: (version: string, draft: ConfigDraft) => Promise<void>
  /** What runs now. */
  readonly report: () => object
  readonly redact: (text: string) => string
}

/**
 * `GET /api/config` says which file commands change. `PUT /api/config` takes `{version, config?, lock?}`: the texts
 * that are to stand in the config file and the lock, and the version of the two that they were made from.
 */
export function createConfigEndpoints(options: ConfigEndpointOptions): readonly Endpoint[] {
  return [
    { method: 'GET', path: '/api/config', access: 'admin', respond: () => json(200, { file: options.file }) },
    { method: 'PUT', path: '/api/config', access: 'admin', respond: takingJson((request) => change(options, request)) },
  ]
}

async function change(options: ConfigEndpointOptions, request: EndpointRequest): Promise<EndpointReply> {
  const wanted = readChange(request)
  if (wanted === undefined) return refusal(400, { message: 'send JSON: {version, config?, lock?}, all of them text' })
  try {
    await options.change(wanted.version, wanted.draft)
  } catch (thrown) {
    const fault = toFault(thrown, options.redact)
    return refusal(fault.code === 'CCR_CONFIG_STALE' ? 412 : 422, fault)
  }
  return json(200, options.report())
}

function readChange(request: EndpointRequest): { version: string; draft: ConfigDraft } | undefined {
  const { version, config, lock } = readFields(request) ?? {}
  if (typeof version !== 'string' || !isTextOrAbsent(config) || !isTextOrAbsent(lock)) return undefined
  return { version, draft: { config, lock } }
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}
