import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findRunning } from '../../host/process/instance.ts'
import type { RunningInstance } from '../../host/process/instance.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { poll } from '../poll.ts'
import { readStartRecord, toArguments } from './start-record.ts'
import type { StartOptions } from './start-record.ts'
import type { StartFailure } from './supervisor.ts'

/** Longer than the supervisor waits for a start that is blocked; a router that failed reports itself at once. */
const READY_DEADLINE_MS = 70_000
/** Between its first answer and its record a router begins to watch its files. */
const RECORD_DEADLINE_MS = 5_000
const END_DEADLINE_MS = 5_000

/** The router that answers now, or why there is none. */
export type DaemonStart = { readonly running: RunningInstance } | StartFailure

/**
 * Starts a supervisor with its router, both detached, and waits until the router proves itself over HTTP. When another
 * router of the same home was faster, that one is the answer.
 */
export async function startDaemon(context: CommandContext, options: StartOptions): Promise<DaemonStart> {
  // The home as working directory: a daemon must neither depend on, nor hold on to, where it was started.
  mkdirSync(context.home, { recursive: true, mode: 0o700 })
  const supervisor = spawn(process.execPath, [...process.execArgv, supervisorFile(), ...toArguments(options)], {
    cwd: context.home,
    env: { ...context.env, CCR_HOME: context.home },
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    windowsHide: true,
  })
  let failure: StartFailure | undefined
  supervisor.once('error', ({ message }) => {
    failure ??= { exitCode: EXIT.failed, stderr: `ccr: the router could not be started: ${message}\n` }
  })
  supervisor.once('message', (message) => (failure = message as StartFailure))
  supervisor.once('exit', (code) => {
    const stderr = 'ccr: the supervisor of the router ended before the router was ready\n'
    if (code !== 0) failure ??= { exitCode: code ?? EXIT.failed, stderr }
  })
  try {
    let answersSince: number | undefined
    const result = await poll<DaemonStart>(
      async () => {
        const running = await findRunning(context.home)
        if (failure !== undefined || running === undefined) return failure
        answersSince ??= performance.now()
        // Until it is recorded, `ccr stop` would not know of its supervisor, which would start it again.
        const isRecorded = readStartRecord(context.home)?.instanceId === running.instanceId
        return isRecorded || performance.now() - answersSince > RECORD_DEADLINE_MS ? { running } : undefined
      },
      { deadlineMs: READY_DEADLINE_MS },
    )
    const record = readStartRecord(context.home)
    const isOther = record !== undefined && record.supervisor?.pid !== supervisor.pid
    // Ours would take the place of the router that was faster, once that one stops.
    if (result !== undefined && 'running' in result && isOther) await endOf(supervisor)
    return (
      result ?? {
        exitCode: EXIT.failed,
        stderr: `ccr: the router was not ready after ${READY_DEADLINE_MS / 1000} s; see ${context.home}/logs\n`,
      }
    )
  } finally {
    // The end of this channel tells the supervisor that a later exit of the router is a crash.
    if (supervisor.connected) supervisor.disconnect()
    supervisor.unref()
  }
}

/** Ends a supervisor and what it runs. */
async function endOf(supervisor: ChildProcess): Promise<void> {
  supervisor.kill('SIGTERM')
  await poll(() => Promise.resolve(supervisor.exitCode !== null || supervisor.signalCode !== null || undefined), {
    deadlineMs: END_DEADLINE_MS,
  })
}

function supervisorFile(): string {
  return fileURLToPath(new URL('./supervisor.js', import.meta.url))
}
