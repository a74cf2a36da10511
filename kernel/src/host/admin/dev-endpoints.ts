import { isAbsolute } from 'node:path'
import { isObject, type Endpoint, type EndpointReply, type EndpointRequest } from '@ccr/sdk'
import { findPluginFile } from '../../load/plugin-package.ts'
import { json, readFields, refusal, takingJson } from './json.ts'
import { toFault } from './fault.ts'
import type { DevEvent, DevSessions, HookWork, Mistake } from './dev-sessions.ts'

/** What the endpoints for working copies act on. */
export interface DevEndpointOptions {
  readonly sessions: DevSessions
  /** Takes the present set of working copies into use; rejects when that is not possible. */
  readonly reload: () => Promise<void>
  readonly redact: (text: string) => string
}

const LONGEST_WAIT_MS = 10_000

/**
 * `POST /api/dev` takes `{path, options?}` and uses the plugin there until nobody asks for its events any more;
 * `GET /api/dev/:session?after=<number>&wait=<ms>` gives them, `DELETE /api/dev/:session` ends it at once.
 */
export function createDevEndpoints(options: DevEndpointOptions): readonly Endpoint[] {
  return [
    { method: 'POST', path: '/api/dev', access: 'admin', respond: takingJson((request) => open(options, request)) },
    { method: 'GET', path: '/api/dev/:session', access: 'admin', respond: (request) => events(options, request) },
    { method: 'DELETE', path: '/api/dev/:session', access: 'admin', respond: (request) => close(options, request) },
  ]
}

async function open(
  { sessions, reload, redact }: DevEndpointOptions,
  request: EndpointRequest,
): Promise<EndpointReply> {
  const wanted = readWish(request)
  if (wanted === undefined) return refusal(400, { message: 'send JSON: {path, options?}, the path absolute' })
  let file: string
  try {
    file = (await findPluginFile(wanted.path)).file
  } catch (thrown) {
    return refusal(422, toFault(thrown, redact))
  }
  const use = `file:${file}`
  const at = 'ccr plugin dev'
  const session = sessions.open({ id: `dev:${file}`, use, options: wanted.options, enabled: true, file, at })
  if (session === undefined) return refusal(409, { message: 'too many working copies are in use; end one first' })
  // What keeps it out is told among its events, and may be mended by the next save.
  await reload().catch(() => undefined)
  return json(200, { session })
}

async function events(
  { sessions, redact }: DevEndpointOptions,
  { url, params }: EndpointRequest,
): Promise<EndpointReply> {
  const { searchParams } = new URL(url, 'http://router')
  const wait = Math.min(LONGEST_WAIT_MS, Number(searchParams.get('wait') ?? 0) || 0)
  const after = Number(searchParams.get('after') ?? 0) || 0
  const found = await sessions.eventsAfter(params['session'] ?? '', after, wait)
  return found === undefined
    ? refusal(404, { message: 'there is no such session; it has ended, or another one uses the same file' })
    : json(
        200,
        found.map((event) => withoutSecrets(event, redact)),
      )
}

/** What a handler throws may repeat a key. */
function withoutSecrets(event: DevEvent, redact: DevEndpointOptions['redact']): DevEvent {
  const cleaned = <Told extends Mistake>(told: Told): Told => ({ ...told, message: redact(told.message) })
  if (event.type === 'failing') return cleaned(event)
  if (event.type !== 'request') return event
  const work = Object.entries(event.work).map(([hook, use]) => {
    return [hook, { ...use, mistake: use.mistake && cleaned(use.mistake) }] as const
  })
  return { ...event, work: Object.fromEntries(work) satisfies HookWork }
}

async function close({ sessions, reload }: DevEndpointOptions, { params }: EndpointRequest): Promise<EndpointReply> {
  if (!sessions.close(params['session'] ?? '')) return refusal(404, { message: 'there is no such session' })
  await reload().catch(() => undefined)
  return json(200, {})
}

function readWish(request: EndpointRequest): { path: string; options: Record<string, unknown> } | undefined {
  const { path, options = {} } = readFields(request) ?? {}
  if (typeof path !== 'string' || !isAbsolute(path) || !isObject(options)) return undefined
  return { path, options }
}
