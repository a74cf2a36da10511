import type { EventEmitter } from 'node:events'
import type { Running } from '../serve.ts'

/** What signals act on. */
export type Signalled = Pick<Running, 'close' | 'reload' | 'log' | 'caught' | 'warned'>

/** Longer than a router takes that can end in order, and shorter than `ccr stop` waits before it kills. */
const HARD_MS = 4_000

/**
 * SIGTERM and SIGINT let running exchanges finish, a second one ends them now and, if need be, the process with them;
 * SIGHUP reads the config again. A closed stdout is no reason to stop, and neither is an error that nothing caught but
 * that is known to be contained.
 *
 * @param fatal called for an error after which the state of the process is unknown; without it the router lives on
 * @returns removes the handlers
 */
export function installSignals(
  router: Signalled,
  target: NodeJS.Process = process,
  fatal: () => void = () => undefined,
): () => void {
  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    router.log.info({ signal }, stopping ? 'stopping now' : 'stopping when running exchanges have ended')
    const closed = stopping ? router.close({ graceMs: 0 }) : router.close()
    // A file system that does not answer holds threads, for which even process.exit waits.
    if (stopping) setTimeout(() => target.kill(target.pid, 'SIGKILL'), HARD_MS).unref()
    stopping = true
    closed.catch((err: unknown) => router.log.error({ err }, 'the router did not stop cleanly'))
  }
  // The failure is already logged, and shown by `ccr status`.
  const reload = (): void => void router.reload().catch(() => undefined)
  const thrown = (err: unknown): void => {
    if (!router.caught(err, 'exception')) fatal()
  }
  const rejected = (err: unknown): void => void router.caught(err, 'rejection')
  const warned = (warning: Error): void => router.warned(warning)
  const ignore = (): void => undefined
  const removers = [
    on(target, 'SIGTERM', stop),
    on(target, 'SIGINT', stop),
    on(target, 'SIGHUP', reload),
    on(target, 'SIGPIPE', ignore),
    on(target, 'uncaughtException', thrown),
    on(target, 'unhandledRejection', rejected),
    on(target, 'warning', warned),
    on(target.stdout, 'error', ignore),
    on(target.stderr, 'error', ignore),
  ]
  return () => removers.forEach((remove) => remove())
}

function on(emitter: EventEmitter, event: string, handler: (value: never) => void): () => void {
  // Each handler takes what its own event brings.
  const listener = handler as (value: unknown) => void
  emitter.on(event, listener)
  return () => void emitter.off(event, listener)
}
