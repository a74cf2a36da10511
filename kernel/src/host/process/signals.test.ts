import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { installSignals } from './signals.ts'

function fixture() {
  const calls: string[] = []
  const note = (_fields: object, message: string): void => void calls.push(message)
  const log = { debug: note, info: () => undefined, warn: note, error: note }
  const router = {
    log,
    caught: (thrown: unknown, origin: string) => {
      calls.push(`${origin}: ${(thrown as Error).message}`)
      return (thrown as Error).message !== 'unknown'
    },
    warned: ({ message }: Error) => void calls.push(`warning: ${message}`),
    reload: () => {
      calls.push('reload')
      return Promise.reject(new Error('broken config'))
    },
    close: (options?: { readonly graceMs?: number | undefined }) => {
      calls.push(options === undefined ? 'drain' : `close within ${options.graceMs} ms`)
      return Promise.resolve()
    },
  }
  // As much of a process as the handlers use: events, two streams, and its end.
  const target = Object.assign(new EventEmitter(), {
    stdout: new EventEmitter(),
    stderr: new EventEmitter(),
    pid: 7,
    kill: (pid: number, signal: string) => void calls.push(`kill ${pid} with ${signal}`),
  })
  const fatal = (): void => void calls.push('fatal')
  const remove = installSignals(router, target as unknown as NodeJS.Process, fatal)
  return { calls, target, remove }
}

describe('installSignals', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it.each(['SIGTERM', 'SIGINT'])('%s drains, and the second one ends it now, the process too if it must', (signal) => {
    const { calls, target } = fixture()
    target.emit(signal, signal)
    target.emit(signal, signal)
    expect(calls).toEqual(['drain', 'close within 0 ms'])
    vi.advanceTimersByTime(4_000)
    expect(calls.slice(2)).toEqual(['kill 7 with SIGKILL'])
  })

  it("SIGHUP reloads, and a failure of that is nobody's unhandled rejection", async () => {
    const { calls, target } = fixture()
    target.emit('SIGHUP', 'SIGHUP')
    await Promise.resolve()
    expect(calls).toEqual(['reload'])
  })

  it('survives SIGPIPE and a closed stdout, and asks whether it survives what nothing caught', () => {
    const { calls, target } = fixture()
    target.emit('SIGPIPE')
    target.stdout.emit('error', new Error('EPIPE'))
    target.stderr.emit('error', new Error('EPIPE'))
    target.emit('uncaughtException', new Error('late'))
    target.emit('unhandledRejection', new Error('unknown'))
    target.emit('warning', new Error('listeners'))
    expect(calls).toEqual(['exception: late', 'rejection: unknown', 'warning: listeners'])
    target.emit('uncaughtException', new Error('unknown'))
    expect(calls.slice(3)).toEqual(['exception: unknown', 'fatal'])
  })

  it('removes its handlers', () => {
    const { target, remove } = fixture()
    remove()
    expect([...target.eventNames(), ...target.stdout.eventNames(), ...target.stderr.eventNames()]).toEqual([])
  })
})
