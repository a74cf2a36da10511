import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants, homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { findRunning } from '../../host/process/instance.ts'
import { claudeEnvironment } from './claude-environment.ts'
import { readClientSettings } from '../client-settings.ts'
import type { CommandContext } from '../context.ts'
import { startDaemon } from '../router/daemon.ts'
import { EXIT } from '../exit-codes.ts'
import { modelAskedFor } from './launch-hints.ts'
import { readStartRecord } from '../router/start-record.ts'

/**
 * `ccr code`: Claude Code through the router, which is started when it does not run. The arguments go on untouched.
 *
 * @param preset name of the installed preset that it is run with, as `ccr <preset>` does
 */
export async function code(
  context: CommandContext,
  claudeArguments: readonly string[],
  preset?: string,
): Promise<number> {
  const running = await findRunning(context.home)
  // Read first: a config that cannot be read is told with its place, before anything is started.
  const settings = await readClientSettings(
    context,
    running === undefined ? undefined : readStartRecord(context.home)?.options.config,
    { preset, model: modelAskedFor(claudeArguments, context.env), isRunning: running !== undefined },
  )
  const written = context.env['CLAUDE_PATH'] || settings.claudePath || 'claude'
  // What a shell makes of it; none is asked.
  const executable = written.replace(/^~(?=\/)/, homedir())
  if (isMissing(executable, context.env['PATH'])) {
    context.complain(`ccr: ${describeMissing(executable)}`)
    return EXIT.notFound
  }
  const started = running === undefined ? await startDaemon(context, {}) : { running }
  if (!('running' in started)) {
    context.complain(started.stderr.trimEnd())
    return started.exitCode
  }
  if (running === undefined) await tellShortcomings(context, started.running.url)
  const { url } = started.running
  if (preset !== undefined) await requireServed(context.home, url, preset)
  const env = claudeEnvironment(context.env, preset === undefined ? url : `${url}/preset/${preset}`, settings)
  return runClaude(context, executable, claudeArguments, env, settings.nonInteractive)
}

/** Nothing is started for a client that is not there. What is no plain answer is left to the start of the client. */
function isMissing(executable: string, path: string | undefined): boolean {
  if (process.platform === 'win32') return false
  if (executable.includes('/')) return !existsSync(executable)
  return path !== undefined && !path.split(delimiter).some((folder) => existsSync(join(folder, executable)))
}

async function tellShortcomings(context: CommandContext, url: string): Promise<void> {
  const { complainOfShortcomings } = await import('../shortcomings.ts')
  await complainOfShortcomings(context, url)
}

/** A preset that was left out would answer every request with 404. */
async function requireServed(home: string, url: string, preset: string): Promise<void> {
  // Only here: `ccr code` starts without either.
  const [{ CcrError }, { readGeneration }] = await Promise.all([import('@ccr/sdk'), import('../generation-report.ts')])
  const { profiles, brokenPresets } = await readGeneration(home, url)
  if (profiles.includes(preset)) return
  const broken = brokenPresets.find(({ name }) => name === preset)
  const fact = broken?.reason ?? 'the running router has not read it yet. `ccr reload` makes it do so.'
  throw new CcrError('CCR_PRESET_INVALID', `the preset ${preset} is not served: ${fact}`, { at: broken?.at })
}

function runClaude(
  context: CommandContext,
  executable: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  nonInteractive: boolean,
): Promise<number> {
  return new Promise((resolve) => {
    const claude = spawn(executable, args, {
      env,
      stdio: [nonInteractive ? 'ignore' : 'inherit', 'inherit', 'inherit'],
    })
    const stopForwarding = forwardSignals((signal) => claude.kill(signal))
    claude.once('error', (error: NodeJS.ErrnoException) => {
      stopForwarding()
      context.complain(`ccr: ${explain(executable, error)}`)
      resolve(error.code === 'ENOENT' ? EXIT.notFound : EXIT.notExecutable)
    })
    claude.once('exit', (exitCode, signal) => {
      stopForwarding()
      resolve(signal === null ? (exitCode ?? EXIT.failed) : 128 + constants.signals[signal])
    })
  })
}

function explain(executable: string, error: NodeJS.ErrnoException): string {
  if (error.code !== 'ENOENT') {
    return `Claude Code (${executable}) could not be started: ${error.message}. Set CLAUDE_PATH to its executable`
  }
  return describeMissing(executable)
}

function describeMissing(executable: string): string {
  const remedy = 'Install it with `npm install -g @anthropic-ai/claude-code`, or set CLAUDE_PATH to its executable'
  return `Claude Code was not found as \`${executable}\`. ${remedy}`
}

/** Passes on what this process is told, and outlives it, so that the exit code of Claude Code can be handed back. */
function forwardSignals(send: (signal: NodeJS.Signals) => void): () => void {
  // A key press in a terminal reaches the whole process group; passing it on would deliver it twice.
  const fromTerminal: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']
  const listeners = (['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const).map((signal) => {
    const listener = (): void => {
      if (!(process.stdin.isTTY && fromTerminal.includes(signal))) send(signal)
    }
    process.on(signal, listener)
    return () => void process.off(signal, listener)
  })
  return () => listeners.forEach((remove) => remove())
}
