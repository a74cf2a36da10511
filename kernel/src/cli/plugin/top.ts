import type { InstanceReport } from '../../host/admin/generation-report.ts'
import { findRunning } from '../../host/process/instance.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { readGeneration } from '../generation-report.ts'
import { toTable } from './table.ts'

const COLUMNS = ['plugin', 'hook', 'calls', 'errors', 'timeouts', 'ms', 'ms/call', 'max ms', 'loading ms'] as const

/** `ccr plugin top`: what each plugin was called for since it was activated, and what it cost. */
export async function pluginTop(
  context: CommandContext,
  options: { readonly json?: boolean | undefined },
): Promise<number> {
  const running = await findRunning(context.home)
  if (running === undefined) {
    context.complain('ccr: the router is not running, so no plugin has done anything. `ccr start` starts it')
    return EXIT.failed
  }
  const { instances } = await readGeneration(context.home, running.url)
  if (options.json) {
    context.print(JSON.stringify(instances))
    return EXIT.ok
  }
  for (const line of toTable([COLUMNS, ...instances.toSorted(byCost).flatMap(toRows)], 2)) context.print(line)
  return EXIT.ok
}

/** A row for each hook; one for a plugin that was not called yet. */
function toRows({ id, profile, hooks, timing, quarantine }: InstanceReport): string[][] {
  const name = [profile === 'default' ? id : `${profile}/${id}`, ...(quarantine ? ['(quarantined)'] : [])].join(' ')
  const { bundleMs, evaluateMs, activateMs } = timing
  const loading = [bundleMs, evaluateMs, activateMs].map((ms) => (ms === undefined ? '-' : ms.toFixed(1))).join(' + ')
  const rows = Object.entries(hooks).map(([hook, { calls, errors, timeouts, ms, maxMs }]) => {
    const each = calls === 0 ? '-' : (ms / calls).toFixed(3)
    return [hook, String(calls), String(errors), String(timeouts), ms.toFixed(1), each, maxMs.toFixed(1)]
  })
  const filled = rows.length === 0 ? [['-', '0', '0', '0', '0.0', '-', '0.0']] : rows
  return filled.map((row, index) => [index === 0 ? name : '', ...row, index === 0 ? loading : ''])
}

function byCost(first: InstanceReport, second: InstanceReport): number {
  return costOf(second) - costOf(first)
}

function costOf({ hooks }: InstanceReport): number {
  return Object.values(hooks).reduce((sum, { ms }) => sum + ms, 0)
}
