import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { CcrError, type ErrorCode } from '@ccr/sdk'
import type { Manifest } from './manifest.ts'

/** An error of the code, as it comes from the process that ran it. */
export interface TrialFault {
  readonly code: ErrorCode
  readonly message: string
  readonly at: string
}

/** What the process says of the code. */
export type TrialResult =
  | { readonly name: string; readonly manifest: Manifest }
  | { readonly name?: string | undefined; readonly fault: TrialFault }

/** A plugin whose code was run. */
export interface TriedPlugin {
  readonly name: string
  /** Or why it cannot be described: some plugins do not activate with default options. */
  readonly manifest: Manifest | CcrError
}

/** How code is tried. */
export interface TrialOptions {
  /** The version that stands in the manifest. */
  readonly version?: string | undefined
  /** The environment of the process. */
  readonly env: NodeJS.ProcessEnv
  readonly limitMs?: number | undefined
  /** It may be code of which the router makes a plugin. */
  readonly adapt?: boolean | undefined
}

/** As long as a plugin may take to activate and to be disposed again; most take half a second. */
export const TRIAL_MS = 15_000

/**
 * Loads the plugin in a file and activates it once, in a process of its own: code that never ends, or that ends its
 * process, does neither to this one.
 *
 * @throws CcrError of the code when it cannot be loaded; `CCR_PLUGIN_LOAD` when it does not end within `limitMs`
 */
export async function tryPlugin(file: string, options: TrialOptions): Promise<TriedPlugin> {
  const result = await run(file, options)
  if ('manifest' in result) return result
  const { name, fault } = result
  const error = new CcrError(fault.code, fault.message, { plugin: name, at: fault.at })
  if (name === undefined) throw error
  return { name, manifest: error }
}

function run(file: string, options: TrialOptions): Promise<TrialResult> {
  const { version = '0.0.0', env, limitMs = TRIAL_MS, adapt } = options
  return new Promise((resolve, reject) => {
    const child = fork(RUNNER, [file, version, ...(adapt ? ['adapt'] : [])], {
      env,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, limitMs)
    let result: TrialResult | undefined
    child.once('message', (message) => (result = message as TrialResult))
    child.once('error', reject)
    child.once('close', () => {
      clearTimeout(timer)
      if (result !== undefined) resolve(result)
      else reject(isLate ? late(file, limitMs) : ended(file))
    })
  })
}

/** The compiled one, also for this module's source, which Node cannot run. */
const RUNNER = fileURLToPath(new URL('../../dist/load/trial-run.js', import.meta.url))

function late(file: string, limitMs: number): CcrError {
  const fact = `${file} did not finish being loaded and activated within ${limitMs / 1000} s`
  const remedy = 'Look for a loop, or for something that is waited for, where it is imported or activated.'
  return new CcrError('CCR_PLUGIN_LOAD', `${fact}. ${remedy}`, { at: file })
}

function ended(file: string): CcrError {
  const message = `${file} ended its process while it was loaded. Importing a plugin must do nothing; correct it.`
  return new CcrError('CCR_PLUGIN_LOAD', message, { at: file })
}
