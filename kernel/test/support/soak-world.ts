import { mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask, type Answer } from './client.ts'
import { startRouter, type RunningRouter } from './router.ts'
import { COMPANION, dependencyText, markerText, markOf, PROBE, type Measure, type Signature } from './soak-plugins.ts'
import type { Seen } from './soak-answers.ts'
import { startSlowUpstream, type SlowUpstream } from './soak-upstream.ts'

/** What the files say: everything that an answer shows. */
export interface WorldState extends Signature {
  /** The only provider there is. */
  readonly provider: string
}

/** A fault as the admin API tells it. */
export interface Fault {
  readonly code: string
  readonly message: string
}

/** What the admin API tells of the generations. */
export interface GenerationReport {
  readonly generation: number
  readonly draining: readonly { readonly generation: number; readonly leases: number }[]
  readonly lastError?: Fault
}

/** How a changed file gets into its place. */
export type Save = 'in place' | 'renamed'

/** A router in its own process, its upstream, and the files that the router was made from. */
export interface World {
  readonly router: RunningRouter
  readonly upstream: SlowUpstream
  /** Folder of the plugins. */
  readonly folder: string
  readonly url: string
  /** Writes `<folder>/<name>`, or the config. */
  save(name: string, text: string, how?: Save): void
  saveConfig(config: object, how?: Save): void
  /** The config of a state, ready to be changed further. */
  configOf(state: WorldState): WorldConfig
  /** `POST /api/reload`. */
  reload(): Promise<Answer>
  report(): Promise<GenerationReport>
  /** What the process holds, after a collection. */
  measure(): Promise<Measure>
  /** Calls the admin API. */
  admin(method: 'GET' | 'POST', path: string): Promise<Answer>
  stop(): Promise<void>
}

/** The config of a world. */
export interface WorldConfig {
  plugins: { use: string; id: string; options?: Record<string, unknown>; before?: string[]; after?: string[] }[]
  [key: string]: unknown
}

/** How a world is set up. */
export interface WorldOptions {
  readonly state: WorldState
  /** Bytes of further code in the plugin under edit. */
  readonly padding?: number
  /** Added to the config. */
  readonly config?: object
  /** Plugins beside those of the soak, by file name. */
  readonly more?: Readonly<Record<string, string>>
}

/** Short enough for a test; the activation that hangs is the only one that takes any time. */
const TIMEOUTS = { activate: 200, reloadDebounce: 20, reloadPoll: 1_000 }

/** What an answer of this state shows. */
export function seenIn(state: WorldState): Seen {
  return { mark: markOf(state), target: `${state.provider}/m-${state.section}` }
}

/** Starts everything. */
export async function startWorld({ state, padding = 0, config = {}, more = {} }: WorldOptions): Promise<World> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ccr-soak-')))
  const upstream = await startSlowUpstream()
  let saves = 0
  const put = (file: string, text: string, how: Save): void => {
    const draft = how === 'renamed' ? `${file}.${++saves}.tmp` : file
    writeFileSync(draft, text, { mode: 0o600 })
    if (draft !== file) renameSync(draft, file)
  }
  const use = (name: string): string => `file:${join(folder, name)}`
  const configOf = ({ provider, section, label }: WorldState): WorldConfig => ({
    timeouts: TIMEOUTS,
    Providers: [
      {
        name: provider,
        api_base_url: `http://127.0.0.1:${upstream.port}/${provider}/v1/chat/completions`,
        api_key: 'sk-soak',
        dialect: 'openai',
        models: [`m-${section}`],
      },
    ],
    Router: { default: `${provider},m-${section}` },
    Soak: { section },
    ...config,
    plugins: [
      { use: use('probe.ts'), id: 'probe' },
      { use: use('marker.ts'), id: 'marker', options: { label } },
      { use: use('companion.ts'), id: 'companion' },
      ...Object.keys(more).map((name) => ({ use: use(name), id: name })),
    ],
  })
  const texts = {
    'probe.ts': PROBE,
    'dependency.ts': dependencyText(state.dependency),
    'marker.ts': markerText(state.code, undefined, padding),
    'companion.ts': COMPANION,
    ...more,
  }
  for (const [name, text] of Object.entries(texts)) put(join(folder, name), text, 'in place')
  const clean = async (): Promise<void> => {
    await upstream.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const router = await startRouter({ config: configOf(state) }).catch(async (thrown: unknown) => {
    await clean()
    throw thrown
  })
  const key = readFileSync(join(router.home, 'run', 'admin.key'), 'utf8').trim()
  const admin = (method: 'GET' | 'POST', path: string): Promise<Answer> =>
    ask(`${router.url}${path}`, { method, headers: { authorization: `Bearer ${key}` } })
  return {
    router,
    upstream,
    folder,
    url: router.url,
    save: (name, text, how = 'in place') => put(join(folder, name), text, how),
    saveConfig: (changed, how = 'in place') => put(join(router.home, 'config.json'), JSON.stringify(changed), how),
    configOf,
    reload: () => admin('POST', '/api/reload'),
    report: async () => (await admin('GET', '/api/generation')).json as GenerationReport,
    measure: async () => (await admin('GET', '/api/soak')).json as Measure,
    admin,
    async stop() {
      await router.stop()
      await clean()
    },
  }
}

const POLL_MS = 10

/**
 * Looks again and again until there is something to see.
 *
 * @throws Error after `limitMs`, naming what was waited for
 */
export async function poll<T>(what: string, limitMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const latest = performance.now() + limitMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (performance.now() > latest) throw new Error(`${what} was not seen within ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
