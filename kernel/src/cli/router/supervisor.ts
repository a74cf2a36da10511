import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { homeOf } from '../context.ts'
import { readStartRecord } from './start-record.ts'
import { createRestartPolicy } from './restart-policy.ts'
import { BEATS, blockedAfterMs, suspectIn, toEnvironment, type SupervisedMessage } from './supervision.ts'
import type { SafeMode } from '../../host/safe-mode.ts'

/** What a supervisor tells the command that started it when the router did not come up. */
export interface StartFailure {
  readonly exitCode: number
  readonly stderr: string
}

const STDERR_TAIL = 64 * 1024
const LOG_LIMIT = 1024 * 1024
/** Loading and activating plugins may keep the event loop of a router that starts for long. */
const START_MS = 60_000

/**
 * A process of its own: `node supervisor.js <arguments of ccr start>`. It runs the router, starts it again after
 * a crash, kills it when it is blocked, and ends with it when it stops on purpose. As long as the command that started
 * it waits, a router that ends has failed to start.
 */
function supervise(routerArguments: readonly string[]): void {
  const home = homeOf(process.env)
  const log = createLog(home)
  const policy = createRestartPolicy()
  let router: ChildProcess | undefined
  let backOff: NodeJS.Timeout | undefined
  let watch: ReturnType<typeof watchBeats> | undefined
  let stopSignals = 0
  let safe: SafeMode | undefined
  let suspect: string | undefined
  const blockedMs = blockedAfterMs(process.env)

  process.on('SIGHUP', () => router?.kill('SIGHUP'))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
  run()

  function run(): void {
    const startedAt = Date.now()
    let stderr = ''
    const child = spawn(process.execPath, [...process.execArgv, mainFile(), 'start', ...routerArguments], {
      env: { ...process.env, CCR_SUPERVISOR: String(process.pid), ...toEnvironment(safe) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      windowsHide: true,
    })
    router = child
    let endsOnPurpose = false
    watch = watchBeats(child, blockedMs)
    child.on('message', (message) => {
      const { type } = message as SupervisedMessage
      if (type === 'alive') watch?.alive()
      if (type === 'ending') endsOnPurpose = true
      if (type === 'safe-mode-left') {
        safe = suspect = undefined
        policy.leftSafeMode()
      }
    })
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_TAIL)
    })
    child.once('error', (error) =>
      finish({ exitCode: 1, stderr: `ccr: the router could not be started: ${error.message}\n` }),
    )
    // `close` comes after the last byte of stderr, `exit` may not.
    child.once('close', (code, signal) => {
      router = undefined
      watch?.stop()
      // Code 0 alone does not say so, because a plugin may end the process with it.
      if (stopSignals > 0 || endsOnPurpose) return finish({ exitCode: 0, stderr: '' })
      const quietMs = watch?.killedAfterMs
      const how =
        quietMs === undefined ? (signal ?? `exit code ${code}`) : `being killed: it did not answer for ${quietMs} ms`
      const isStarting = process.connected
      if (isStarting) {
        const end = `ccr: the router ended by ${how} before it was ready\n`
        const said = quietMs === undefined ? stderr || end : stderr + end
        return finish({ exitCode: code || 1, stderr: said })
      }
      restart(startedAt, `the router (pid ${child.pid}) ended by ${how}`, stderr, watch?.killedAtStart)
    })
  }

  function restart(startedAt: number, what: string, stderr: string, stuck = false): void {
    suspect = suspectIn(stderr, stuck) ?? suspect
    const next = policy.crashed(startedAt, Date.now(), stuck)
    if (next === undefined) {
      log(`${what}; it crashed 3 times within 60 s, in safe mode too, and is not started again`, stderr)
      return finish({ exitCode: 1, stderr: '' })
    }
    const often = `it crashed 3 times within 60 s; the last time ${what}`
    if (next.safe) safe ??= { why: stuck ? `its start did not end: ${what}` : often, suspect }
    const { delayMs } = next
    log(`${what}; it is started again in ${delayMs} ms${next.safe ? ' in safe mode' : ''}`, stderr)
    backOff = setTimeout(() => {
      // Without a record somebody stopped the router, and with another's somebody started one, while this one waited.
      if (readStartRecord(home)?.supervisor?.pid === process.pid) run()
      else finish({ exitCode: 0, stderr: '' })
    }, delayMs)
  }

  /** The first signal lets the router finish its exchanges, the second makes it cut them, the third kills it. */
  function stop(): void {
    stopSignals++
    // From here on the signals say what becomes of a router that is blocked.
    watch?.stop()
    clearTimeout(backOff)
    if (router === undefined) finish({ exitCode: 0, stderr: '' })
    else router.kill(stopSignals < 3 ? 'SIGTERM' : 'SIGKILL')
  }

  function finish(failure: StartFailure): void {
    if (failure.exitCode !== 0 && process.connected) process.send?.(failure, () => process.exit(failure.exitCode))
    else process.exit(failure.exitCode)
  }
}

/** Kills a router whose event loop gave no sign of life for too long. */
function watchBeats(child: ChildProcess, blockedMs: number) {
  // Counted in ticks of its own, so that a machine that slept finds nobody late.
  const tickMs = blockedMs / BEATS
  let quiet = 0
  let limit = START_MS / tickMs
  let killedAfterMs: number | undefined
  let isStarting = true
  const look = (): void => {
    if (++quiet <= limit) return
    killedAfterMs = limit * tickMs
    child.kill('SIGKILL')
  }
  const timer = blockedMs > 0 ? setInterval(look, tickMs) : undefined
  return {
    alive: () => {
      quiet = 0
      limit = BEATS
      isStarting = false
    },
    stop: () => clearInterval(timer),
    get killedAfterMs() {
      return killedAfterMs
    },
    get killedAtStart() {
      return isStarting && killedAfterMs !== undefined
    },
  }
}

function mainFile(): string {
  return fileURLToPath(new URL('../main.js', import.meta.url))
}

/** A log of crashes only; it starts anew at 1 MiB. A failure to log never stops the supervision. */
function createLog(home: string): (line: string, detail: string) => void {
  const file = join(home, 'logs', 'supervisor.log')
  return (line, detail) => {
    try {
      mkdirSync(join(home, 'logs'), { recursive: true, mode: 0o700 })
      if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT) rmSync(file)
      const indented = detail.trimEnd().replace(/^(?=.)/gm, '    ')
      appendFileSync(file, `${new Date().toISOString()} ${line}\n${indented === '' ? '' : `${indented}\n`}`, {
        mode: 0o600,
      })
    } catch {
      // Nobody reads the output of a detached process, and the router matters more than its log.
    }
  }
}

supervise(process.argv.slice(2))
