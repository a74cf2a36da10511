import { resolveEntries, presetEntries } from '../../config/entries.ts'
import { readDefaultPreset } from '../../config/preset.ts'
import { readConfig } from '../../config/read.ts'
import { findRunning } from '../../host/process/instance.ts'
import { findBuiltins, originOf, packageRoot } from '../../load/builtin.ts'
import { pluginNames, type EntryConfig } from '../../load/entries.ts'
import type { Manifest } from '../../load/manifest.ts'
import { findStored } from '../../load/store.ts'
import { configInUse } from '../config-in-use.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { withPlace } from '../failure.ts'
import { readGeneration, type GenerationReport } from '../generation-report.ts'
import { toTable } from './table.ts'

/** One row of `ccr plugin list`; the members of `--json`. */
export interface ListedPlugin {
  readonly id: string
  readonly plugin: string
  readonly version: string
  /** `dev`: a file outside the store, loaded again whenever it is saved. */
  readonly origin: 'bundled' | 'added' | 'dev'
  readonly state: 'on' | 'off' | 'not used' | 'left out' | 'quarantined'
  readonly hooks: readonly string[]
  readonly description: string
  /** Why it is left out or quarantined. */
  readonly problem?: string | undefined
  /** `file:line:column` of that. */
  readonly at?: string | undefined
}

/** `ccr plugin list`: every plugin that is installed or used, in the order of the entries. Runs no code of any. */
export async function pluginList(
  context: CommandContext,
  options: { readonly json?: boolean | undefined; readonly hooks?: boolean | undefined },
): Promise<number> {
  const plugins = await listPlugins(context)
  if (options.json) {
    context.print(JSON.stringify(plugins))
  } else if (options.hooks) {
    for (const line of byHook(plugins)) context.print(line)
  } else {
    const rows = plugins.map(({ id, version, origin, state, hooks }) => [id, version, origin, state, hooks.join(', ')])
    for (const line of toTable([['plugin', 'version', 'origin', 'state', 'hooks'], ...rows])) context.print(line)
    for (const { id, problem, at } of plugins) {
      if (problem === undefined) continue
      for (const line of withPlace(`ccr: ${id}: ${problem}`, at)) context.complain(line)
    }
  }
  return EXIT.ok
}

async function listPlugins({ home, env }: CommandContext): Promise<readonly ListedPlugin[]> {
  const [config, builtins, stored, preset, running] = await Promise.all([
    readConfig({ home, file: await configInUse(home), env }),
    findBuiltins(packageRoot(), originOf(env)),
    findStored(home, new Set()),
    readDefaultPreset(),
    findRunning(home),
  ])
  const report = running && (await readGeneration(home, running.url).catch(() => undefined))
  const entries = resolveEntries(config, presetEntries(preset), pluginNames(builtins, stored))
  const manifests = new Map<string, Manifest>(builtins.map(({ name, manifest }) => [name, manifest]))
  const pins = new Map(stored.map(({ pin }) => [pin.plugin, pin]))
  for (const { pin, manifest } of stored) if (manifest) manifests.set(pin.plugin, manifest)
  const used = entries.map((entry): ListedPlugin => {
    const manifest = entry.file === undefined ? manifests.get(entry.use) : undefined
    const pin = entry.file === undefined ? pins.get(entry.use) : undefined
    // What a file holds is known once it was loaded.
    const loaded = entry.file === undefined ? undefined : report?.instances.find(({ id }) => id === entry.id)
    return {
      id: entry.id,
      plugin: loaded?.plugin ?? entry.use,
      version: pin?.version ?? manifest?.version ?? '-',
      origin: entry.file !== undefined ? 'dev' : pin === undefined ? 'bundled' : 'added',
      ...stateOf(entry, report),
      hooks: loaded?.handles ?? pin?.hooks ?? manifest?.hooks ?? [],
      description: manifest?.description ?? '',
    }
  })
  const named = new Set(entries.map(({ use }) => use))
  const rest = [...manifests].filter(([name]) => !named.has(name))
  return [
    ...used,
    ...rest.map(([name, { version, hooks, description }]): ListedPlugin => {
      const pin = pins.get(name)
      const origin = pin === undefined ? 'bundled' : 'added'
      const known = { id: name, plugin: name, version: pin?.version ?? version, hooks: pin?.hooks ?? hooks }
      return { ...known, origin, state: 'not used', description }
    }),
  ]
}

function stateOf(
  { id, enabled }: EntryConfig,
  report: GenerationReport | undefined,
): Pick<ListedPlugin, 'state' | 'problem' | 'at'> {
  if (!enabled) return { state: 'off' }
  const failure = report?.failures.find(({ subject }) => subject === id)
  if (failure !== undefined) return { state: 'left out', problem: failure.message, at: failure.at }
  const quarantine = report?.instances.find((one) => one.id === id)?.quarantine
  if (quarantine === undefined) return { state: 'on' }
  return { state: 'quarantined', problem: quarantine.message, at: quarantine.at }
}

/** The plugins in use by hook, in the order of their entries; bands and `before`/`after` may change it. */
function byHook(plugins: readonly ListedPlugin[]): readonly string[] {
  const used = plugins.filter(({ state }) => state === 'on')
  const hooks = [...new Set(used.flatMap((one) => one.hooks))].sort()
  return hooks.map((hook) => {
    const names = used.filter((one) => one.hooks.includes(hook)).map(({ id }) => id)
    return `${hook.padEnd(18)}${names.join(', ')}`
  })
}
