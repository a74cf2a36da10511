import type { Target } from '@ccr/sdk'
import { assemble } from '../../config/assemble.ts'
import { buildGeneration } from '../../core/build.ts'
import { StateStore } from '../../core/state.ts'
import { runInner } from '../../exchange/inner.ts'
import type { Runtime } from '../../exchange/ports.ts'
import { absenceOf } from '../absence.ts'
import { HostFacilities } from '../facilities.ts'
import { createIds } from '../ids.ts'
import { forStart } from '../left-out.ts'
import { createRedactor } from '../log/redact.ts'
import { explainRoute, type RouteExplanation, type RouteQuestion } from './route-explain.ts'

/** The config that a route is asked for. */
export interface OfflineRouter {
  readonly home: string
  readonly configFile?: string | undefined
  readonly env: NodeJS.ProcessEnv
}

const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/**
 * Explains a route where no router runs: builds what the config says to the side, without ever making it live, so that
 * nothing is polled and nobody is contacted.
 *
 * @throws CcrError of the config or a plugin, and those of {@link explainRoute}
 */
export async function explainOffline(
  { home, configFile, env }: OfflineRouter,
  question: RouteQuestion,
): Promise<RouteExplanation> {
  const assembly = await assemble({ home, file: configFile, env })
  const { config } = assembly
  const blueprint = await forStart(assembly, home)
  const facilities = new HostFacilities({ home, env, proxyUrl: undefined, noProxy: undefined })
  const redact = createRedactor(config.secrets)
  const runtime: Runtime = {
    transport: { send: () => Promise.reject(new Error('a route that is explained contacts nobody')) },
    settings: config.settings,
    routing: { record: ignore },
    redact,
    newId: createIds(),
    now: Date.now,
    freeze: false,
  }
  try {
    const generation = await buildGeneration(blueprint, {
      id: 1,
      reusable: [],
      lenient: true,
      settings: () => config.settings,
      onQuarantine: ignore,
      states: new StateStore(),
      inner: runInner,
      facilities: (owner) => facilities.of(owner),
      log: SILENT,
    })
    try {
      const absence = (target: Target): string | undefined => absenceOf(target, config, generation)
      const explanation = await explainRoute(generation, question, { ...runtime, absence }, SILENT)
      return JSON.parse(redact(JSON.stringify(explanation))) as RouteExplanation
    } finally {
      for (const instance of [...generation.instances].reverse()) await instance.release(SILENT)
    }
  } finally {
    facilities.close()
  }
}

function ignore(): void {}
