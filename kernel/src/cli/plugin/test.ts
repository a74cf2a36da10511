import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPluginFile } from '../../load/plugin-package.ts'
import { TRIAL_MS } from '../../load/trial.ts'
import { writeManifest } from '../../load/working-copy.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { hideFromPlugins } from '../secret-environment.ts'

/** How long one check may take, in milliseconds; most take a tenth of a second. */
const CHECK_MS = 30_000

/** Options of `ccr plugin test`. */
export interface PluginTestOptions {
  readonly json?: boolean | undefined
  readonly checkMs?: number | undefined
}

/**
 * `ccr plugin test <path>`: runs the conformance checks in a process of their own. A package that passes has its static
 * manifest written, as its code is now.
 */
export async function pluginTest(
  context: CommandContext,
  path: string,
  { json = false, checkMs = CHECK_MS }: PluginTestOptions,
): Promise<number> {
  await hideFromPlugins(context)
  const runner = fileURLToPath(import.meta.resolve('@ccr/sdk/testing/run'))
  const child = spawn(process.execPath, [runner, path, ...(json ? ['--json'] : [])], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  let limit = setTimeout(kill, TRIAL_MS)
  let check: string | undefined
  child.on('message', (begun) => {
    clearTimeout(limit)
    limit = setTimeout(kill, checkMs)
    check = String(begun)
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(limit)
  if (code === null) {
    context.complain(`ccr: ${endOf(path, check, signal === 'SIGKILL' ? checkMs : signal)}`)
    return EXIT.failed
  }
  if (code !== 0) return EXIT.failed
  await describe(context, path, json)
  return EXIT.ok
}

/** @param end the time that the check had, or the signal that ended it */
function endOf(path: string, check: string | undefined, end: number | string | null): string {
  const within = (ms: number): string => `within ${ms / 1000} s`
  if (check === undefined) {
    const fact = typeof end === 'number' ? `did not begin ${within(TRIAL_MS)}` : `were ended by ${end}`
    return `the checks of ${path} ${fact}. Look for a loop that runs while the plugin is imported`
  }
  const fact = typeof end === 'number' ? `did not end ${within(end)}` : `was ended by ${end}`
  return `the check "${check}" of ${path} ${fact}. Look for a loop that blocks the plugin`
}

/** Only a package that names a manifest has one. */
async function describe(context: CommandContext, path: string, quiet: boolean): Promise<void> {
  const { folder } = await findPluginFile(path)
  const text = folder === undefined ? '{}' : await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}')
  if (!('ccr' in Object(JSON.parse(text)))) return
  const { file, changed } = await writeManifest(path)
  if (changed && !quiet) context.print(`ccr wrote ${relative(process.cwd(), file)}`)
}
