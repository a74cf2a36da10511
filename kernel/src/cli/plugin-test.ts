import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPluginFile } from '../load/plugin-package.ts'
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
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (code === null) {
    const fact = signal === 'SIGKILL' ? `did not end within ${LIMIT_MS / 1000} s` : `were ended by ${signal}`
    context.complain(`ccr: the checks of ${path} ${fact}. Look for a loop that blocks the plugin`)
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
