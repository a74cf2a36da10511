import { findHolder, findRunning } from '../../host/process/instance.ts'
import { codeOf } from '../../load/code-of.ts'
import { identify, isProven, isRunning, type ProcessIdentity } from '../../load/process-identity.ts'
import { readDrainMs } from '../client-settings.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { poll } from '../poll.ts'
import { isFree } from './is-free.ts'
import { readStartRecord, removeStartRecord } from './start-record.ts'
import type { StartRecord } from './start-record.ts'

/** What stopping came to. */
export type StopOutcome =
  | { readonly state: 'idle' }
  | { readonly state: 'stopped'; readonly what: string; readonly how: string; readonly seconds: number }
  | { readonly state: 'stuck'; readonly what: string; readonly seconds: number }

/** Nearly every router has ended by then; only for the others is the config read. */
const QUICK_MS = 1_000
/** When neither the config nor the record tells it. */
const DEFAULT_DRAIN_MS = 30_000
/** How long a router gets after its second and third signal. */
const ESCALATION_MS = 5_000
/** What a router may take beyond the drain of its exchanges. */
const GRACE_MS = 5_000

/** `ccr stop`: ends the router of this home, and says how it ended. */
export async function stop(context: CommandContext): Promise<number> {
  const outcome = await stopRouter(context)
  switch (outcome.state) {
    case 'idle':
      context.print('ccr is not running')
      return EXIT.ok
    case 'stopped':
      context.print(`ccr stopped ${outcome.what} after ${outcome.seconds} s: ${outcome.how}`)
      return EXIT.ok
    case 'stuck':
      context.complain(`ccr: ${outcome.what} did not end within ${outcome.seconds} s, although it was killed`)
      return EXIT.failed
  }
}

/** What the first, second and third signal come to. */
const HOW = ['its exchanges finished', 'exchanges that did not finish in time were cut', 'it had to be killed'] as const

/**
 * Signals only a router that proved itself over HTTP or holds the lock of this home, and a supervisor that started when
 * the record says: none is believed by its process id alone.
 */
export async function stopRouter(context: CommandContext): Promise<StopOutcome> {
  const record = readStartRecord(context.home)
  const running = await findRunning(context.home)
  // One that is ending already listens no more, and one that is starting does not yet.
  const holder = running === undefined ? await findHolder(context.home) : undefined
  const router = running ? identify(running.pid) : holder
  const supervisor = record?.supervisor && isProven(record.supervisor) ? record.supervisor : undefined
  if (router === undefined && supervisor === undefined) return { state: 'idle' }

  // Without its record a supervisor that was out of reach starts nothing again.
  removeStartRecord(context.home)
  const what =
    running || holder
      ? `the router (pid ${router?.pid})${running ? '' : ', which no longer answered,'}`
      : `the supervisor (pid ${supervisor?.pid}), whose router did not answer,`
  const startedAt = performance.now()
  const seconds = (): number => Math.round((performance.now() - startedAt) / 100) / 10
  const areGone = (): true | undefined => ([router, supervisor].some((one) => one && isRunning(one)) ? undefined : true)
  const goneWithin = (deadlineMs: number) => poll(areGone, { deadlineMs, intervalMs: 20 })
  for (const [index, how] of HOW.entries()) {
    const signals = index + 1
    // A second signal would cut the exchanges of one that is ending already.
    if (signals > 1 || !holder?.announced || supervisor) signal(router, supervisor, signals)
    const gone =
      (await goneWithin(QUICK_MS)) ??
      (await goneWithin(signals === 1 ? (await drainOf(context, record)) + GRACE_MS : ESCALATION_MS))
    if (!gone) continue
    if (running !== undefined) await poll(() => isFree(running.url), { deadlineMs: 2_000, intervalMs: 20 })
    return {
      state: 'stopped',
      what,
      how: running === undefined && signals === 1 ? 'it ended' : how,
      seconds: seconds(),
    }
  }
  return { state: 'stuck', what, seconds: seconds() }
}

/** The config of now, because a reload may have changed what was recorded at the start. */
async function drainOf(context: CommandContext, record: StartRecord | undefined): Promise<number> {
  return (await readDrainMs(context, record?.options.config)) ?? record?.drainMs ?? DEFAULT_DRAIN_MS
}

/** A supervisor passes two signals on and kills its router at the third: only it can be sure of one that is blocked. */
function signal(router: ProcessIdentity | undefined, supervisor: ProcessIdentity | undefined, signals: number): void {
  const target = [supervisor, router].find((one) => one && isRunning(one))
  if (target === undefined) return
  try {
    process.kill(target.pid, signals < 3 || target === supervisor ? 'SIGTERM' : 'SIGKILL')
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
}
