import { Worker } from 'node:worker_threads'

/** What the thread of start-watch-thread.ts is given. */
export interface StartWatchData {
  /** One number, which grows as long as the event loop turns. */
  readonly beat: Int32Array
  /** What runs, in UTF-8; zeros behind it. */
  readonly what: Uint8Array
  readonly patienceMs: number
}

/** Longer than the code of any plugin takes to be loaded. */
const PATIENCE_MS = 5_000
const BEAT_MS = 200
/** Longest name that is told. */
const NAME_BYTES = 4_096

interface Watch extends StartWatchData {
  stop(): void
}

let isWatched = false
let watch: Watch | undefined

/**
 * From now on somebody is told on stderr what keeps the event loop from turning for too long, until the function that
 * it gives is called: while code never ends, nothing else in its thread can say so.
 */
export function watchStart(): () => void {
  isWatched = true
  return () => {
    isWatched = false
    watch?.stop()
    watch = undefined
  }
}

/** Code that did not come with the router is about to run. */
export function nowRuns(what: string): void {
  if (!isWatched) return
  watch ??= startThread()
  tell(watch, what)
}

/** A plugin is about to be activated; of those that came with the router, nobody need ever hear. */
export function nowActivates(entry: string): void {
  if (watch) tell(watch, `the activation of ${entry}`)
}

function tell({ what }: Watch, text: string): void {
  what.fill(0)
  new TextEncoder().encodeInto(text, what)
}

function startThread(): Watch {
  const beat = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const what = new Uint8Array(new SharedArrayBuffer(NAME_BYTES))
  const workerData: StartWatchData = { beat, what, patienceMs: PATIENCE_MS }
  const thread = new Worker(THREAD, { workerData, execArgv: [] })
  // Whatever becomes of it, the router starts.
  thread.on('error', () => undefined).unref()
  const timer = setInterval(() => {
    Atomics.add(beat, 0, 1)
    Atomics.notify(beat, 0)
  }, BEAT_MS).unref()
  const stop = (): void => {
    clearInterval(timer)
    void thread.terminate()
  }
  return { ...workerData, stop }
}

/** The compiled one, also for this module's source, which Node cannot run. */
const THREAD = new URL('../../dist/load/start-watch-thread.js', import.meta.url)
