// Says on stderr what runs when the event loop of the thread that made it has not turned for too long; once each time.
// start-watch.ts starts it.
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { waitsLine } from './start-watch-line.ts'
import type { StartWatchData } from './start-watch.ts'

const { beat, what, patienceMs } = workerData as StartWatchData
const STDERR = 2

for (;;) {
  const last = Atomics.load(beat, 0)
  if (Atomics.wait(beat, 0, last, patienceMs) !== 'timed-out') continue
  const name = Buffer.from(what).toString().replace(/\0+$/, '')
  writeSync(STDERR, waitsLine(name, patienceMs))
  Atomics.wait(beat, 0, last)
}
