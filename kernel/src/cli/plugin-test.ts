import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPluginFile } from '../load/plugin-package.ts'
import { TRIAL_MS } from '../load/trial.ts'
import { writeManifest } from '../load/working-copy.ts'
import type { CommandContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { hideFromPlugins } from './secret-environment.ts'

/** Longest time that the checks of one plugin get, in milliseconds. */
const LIMIT_MS = 300_000

/**
 * `ccr plugin test <path>`: runs the conformance checks in a process of their own. A package that passes has its static
 * manifest written, as its code is now.
 */
export async function pluginTest(
  context: CommandContext,
  path: string,
  options: { readonly json?: boolean | undefined },
): Promise<number> {
  await hideFromPlugins(context)
  const runner = fileURLToPath(import.meta.resolve('@ccr/sdk/testing/run'))
  const child = spawn(process.execPath, [runner, path, ...(options.json ? ['--json'] : [])], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const loading = setTimeout(() => child.kill('SIGKILL'), TRIAL_MS)
  let isLoaded = false
  child.once('message', () => {
    clearTimeout(loading)
    isLoaded = true
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(loading)
  if (code === null) {
    const late = isLoaded ? `did not end within ${LIMIT_MS / 1000} s` : `did not begin within ${TRIAL_MS / 1000} s`
    const fact = signal === 'SIGKILL' ? late : `were ended by ${signal}`
    const where = isLoaded ? 'blocks the plugin' : 'runs while the plugin is imported'
    context.complain(`ccr: the checks of ${path} ${fact}. Look for a loop that ${where}`)
    return EXIT.failed
  }
  if (code !== 0) return EXIT.failed
  await describe(context, path, options.json === true)
  return EXIT.ok
}

/** Only a package that names a manifest has one. */
async function describe(context: CommandContext, path: string, quiet: boolean): Promise<void> {
  const { folder } = await findPluginFile(path)
  const text = folder === undefined ? '{}' : await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}')
  if (!('ccr' in Object(JSON.parse(text)))) return
  const { file, changed } = await writeManifest(path)
  if (changed && !quiet) context.print(`ccr wrote ${relative(process.cwd(), file)}`)
}
