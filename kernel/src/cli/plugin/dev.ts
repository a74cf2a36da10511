import { resolve } from 'node:path'
import { isObject, messageOf } from '@ccr/sdk'
import JSON5 from 'json5'
import type { DevEvent, HookWork, Mistake } from '../../host/admin/dev-sessions.ts'
import { findRunning } from '../../host/process/instance.ts'
import { findPluginFile } from '../../load/plugin-package.ts'
import { writeManifest } from '../../load/working-copy.ts'
import { callAdmin, faultIn, type AdminAnswer } from '../admin.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { hideFromPlugins } from '../secret-environment.ts'
import { complainOfShortcomings } from '../shortcomings.ts'

/** Options of `ccr plugin dev`. */
export interface PluginDevOptions {
  /** JSON5. */
  readonly options?: string | undefined
}

/** How long the router may hold an answer back while nothing happens. */
const WAIT_MS = 5_000
const CALL_MS = 130_000

/**
 * `ccr plugin dev <path>`: uses a working copy in the running router, or in one that is started here, until it is
 * interrupted. No config is changed, and the router forgets it as soon as nobody asks for its events.
 */
export async function pluginDev(context: CommandContext, path: string, given: PluginDevOptions): Promise<number> {
  await hideFromPlugins(context)
  const { folder } = await findPluginFile(path)
  const options = readOptions(given.options)
  if (options === undefined) {
    context.complain('ccr: --options must be a JSON5 object, such as \'{ word: "hello" }\'')
    return EXIT.failed
  }
  const { url, close } = (await runningRouter(context)) ?? (await startRouter(context))
  const interruption = new AbortController()
  const interrupt = (): void => interruption.abort()
  for (const signal of SIGNALS) process.once(signal, interrupt)
  try {
    return await follow(context, url, { path: resolve(path), options, folder }, interruption.signal)
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt)
    await close()
  }
}

/** As wide as the time before each event. */
const INDENT = ' '.repeat(9)
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

interface WorkingCopy {
  readonly path: string
  readonly options: object
  /** Of its package, whose manifest is kept up to date. */
  readonly folder: string | undefined
}

async function follow(
  context: CommandContext,
  url: string,
  { path, options, folder }: WorkingCopy,
  interrupted: AbortSignal,
): Promise<number> {
  const call = (method: 'GET' | 'POST' | 'DELETE', to: string, body?: object): Promise<AdminAnswer> =>
    callAdmin(context.home, url, method, to, CALL_MS, body)
  const opened = await call('POST', '/api/dev', { path, options })
  if (opened.status !== 200) throw new Error(faultIn(opened).message)
  const { session } = opened.body as { readonly session: string }
  context.print(`ccr uses ${path} in the router at ${url}; Ctrl-C ends it`)
  const ended = new Promise<undefined>((end) => interrupted.addEventListener('abort', () => end(undefined)))
  try {
    let last = 0
    while (!interrupted.aborted) {
      const answer = await Promise.race([call('GET', `/api/dev/${session}?after=${last}&wait=${WAIT_MS}`), ended])
      if (answer === undefined) break
      if (answer.status !== 200) throw new Error(`the router no longer uses it: ${faultIn(answer).message}`)
      for (const event of answer.body as readonly DevEvent[]) {
        last = event.number
        for (const line of describe(event)) context.print(line)
        if (event.type === 'live' && folder !== undefined) await renewManifest(context, folder)
      }
    }
    return EXIT.ok
  } finally {
    // A router that has ended has forgotten it already.
    await call('DELETE', `/api/dev/${session}`).catch(() => undefined)
  }
}

async function runningRouter({ home }: CommandContext) {
  const running = await findRunning(home)
  return running && { url: running.url, close: () => Promise.resolve() }
}

async function startRouter(context: CommandContext) {
  const { serve } = await import('../../host/serve.ts')
  const { home, env, version } = context
  const router = await serve({ home, env, version })
  context.print(`ccr ${version} is ready at ${router.url}`)
  await complainOfShortcomings(context, router.url)
  const caught = (err: unknown): void => void router.caught(err, 'exception')
  const rejected = (err: unknown): void => void router.caught(err, 'rejection')
  process.on('uncaughtException', caught).on('unhandledRejection', rejected)
  const close = async (): Promise<void> => {
    await router.close({ graceMs: 0 })
    process.off('uncaughtException', caught).off('unhandledRejection', rejected)
  }
  return { url: router.url, close }
}

function readOptions(text: string | undefined): object | undefined {
  if (text === undefined) return {}
  try {
    const value: unknown = JSON5.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** It is what will be packed; code that works but cannot be described is told when it is tested. */
async function renewManifest(context: CommandContext, folder: string): Promise<void> {
  const written = await writeManifest(folder).catch((thrown: unknown) => {
    context.complain(`ccr: the manifest was not renewed: ${messageOf(thrown)}`)
    return undefined
  })
  if (written?.changed) context.print(`${INDENT}manifest.json renewed`)
}

function describe(event: DevEvent): readonly string[] {
  const time = new Date().toTimeString().slice(0, 8)
  switch (event.type) {
    case 'live':
      return [`${time} ${event.plugin} is live in generation ${event.generation}`]
    case 'fault':
      return [`${time} not taken: ${event.message}`, ...describePlace(event)]
    case 'failing': {
      const { plugin, reverted, message } = event
      const fact = reverted ? 'runs as it was before its last change' : 'is quarantined until it changes'
      return [`${time} ${plugin} ${fact}: ${message}`, ...describePlace(event)]
    }
    case 'request': {
      const { dialect, asked, target, route, status, outcome, ms, work } = event
      const to = target === undefined ? '' : ` → ${target}`
      const by = route === undefined ? '' : ` (by ${route})`
      const end = outcome === 'ok' ? '' : ` ${outcome}`
      const mistakes = Object.values(work).flatMap(({ mistake }) => mistake ?? [])
      return [
        `${time} ${dialect} ${asked}${to}${by} ${status}${end} ${ms} ms`,
        `${INDENT}${describeWork(work)}`,
        ...mistakes.flatMap((one) => [`${INDENT}${one.message}`, ...describePlace(one)]),
      ]
    }
  }
}

function describePlace({ at }: Mistake): readonly string[] {
  return at === undefined ? [] : [`${INDENT}at ${at}`]
}

function describeWork(work: HookWork): string {
  const parts = Object.entries(work).map(([hook, { calls, errors, ms }]) => {
    const failed = errors === 0 ? '' : `, ${errors} failed`
    return `${hook} ×${calls} in ${ms.toFixed(1)} ms${failed}`
  })
  return parts.length === 0 ? 'no call of the plugin since the line before' : parts.join(' · ')
}
