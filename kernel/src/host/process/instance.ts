import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, stat } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { createPrivateDirectory, writePrivateFile } from '../../load/private-files.ts'
import type { ProcessIdentity } from '../../load/process-identity.ts'
import { holderOf, takeLock, UNWRITTEN_MS } from '../../load/process-lock.ts'

/** A router that runs, as its home records it. */
export interface RunningInstance {
  readonly pid: number
  readonly port: number
  /** The address it listens on. */
  readonly host: string
  /** Where this machine reaches it. */
  readonly url: string
  readonly instanceId: string
  readonly version: string
  /** ISO 8601. */
  readonly startedAt: string
}

/** The exclusive right to run in a home. */
export interface Claim {
  readonly instanceId: string
  /** Tells others where the router listens. */
  announce(instance: RunningInstance): Promise<void>
  /**
   * Claims the home again where what says so was removed, as when it was deleted and made anew. A home that is not
   * there, or that another router has claimed by now, stays as it is.
   *
   * @returns `kept` when its record is there, `renewed` when the router has to be announced again, `lost` when it
   * cannot be
   */
  renew(): Promise<'kept' | 'renewed' | 'lost'>
  /** Gives the home free. */
  release(): Promise<void>
}

interface Lock extends ProcessIdentity {
  readonly instanceId: string
}

const PROBE_MS = 2_000
const ANSWER_BYTES = 64 * 1024
/** Enough to see that neither a lock nor its takeover is anybody's. */
const CLAIM_MS = 3 * UNWRITTEN_MS

/**
 * The router of this home, if one runs. It is believed only when it proves its identity over HTTP, never by its
 * process id.
 */
export async function findRunning(home: string): Promise<RunningInstance | undefined> {
  const recorded = await readRecord<RunningInstance>(join(home, 'run', 'instance.json'))
  if (typeof recorded?.url !== 'string' || typeof recorded.instanceId !== 'string') return undefined
  return (await instanceAt(recorded.url)) === recorded.instanceId ? recorded : undefined
}

/** The process that has claimed a home, whether or not it listens; and where it said that it does, if it ever has. */
export async function findHolder(
  home: string,
): Promise<(ProcessIdentity & { readonly announced: RunningInstance | undefined }) | undefined> {
  const lock = holderOf<Lock>(join(home, 'run', 'lock'))
  if (lock === undefined || lock.start === 'unknown') return undefined
  const recorded = await readRecord<RunningInstance>(join(home, 'run', 'instance.json'))
  const announced = recorded?.instanceId === lock.instanceId ? recorded : undefined
  return { pid: lock.pid, start: lock.start, announced }
}

/**
 * Claims a home; of several that try at once exactly one succeeds. A lock counts as abandoned when the process that
 * wrote it no longer runs, by its id and its start time.
 *
 * @throws CcrError `CCR_HOST_INSTANCE` while another router holds the home
 */
export async function claimInstance(home: string): Promise<Claim> {
  const directory = join(home, 'run')
  await createPrivateDirectory(directory)
  const instanceId = randomBytes(16).toString('hex')
  const file = join(directory, 'lock')
  const deadline = performance.now() + CLAIM_MS
  do {
    if (takeLock(file, { instanceId })) return toClaim(directory, instanceId)
    const holder = holderOf(file)
    if (holder !== undefined) throw await heldBy(home, holder)
    await new Promise((resolve) => setTimeout(resolve, 20))
  } while (performance.now() < deadline)
  throw new CcrError('CCR_HOST_INSTANCE', `the lock ${file} cannot be taken. Remove it if no router runs`)
}

function toClaim(directory: string, instanceId: string): Claim {
  const record = join(directory, 'instance.json')
  const lock = join(directory, 'lock')
  const isOurs = async (file: string): Promise<boolean> =>
    (await readRecord<{ instanceId?: string }>(file))?.instanceId === instanceId
  return {
    instanceId,
    announce: (instance) => writePrivateFile(record, `${JSON.stringify(instance)}\n`),
    async renew() {
      const state = (await isOurs(record)) ? 'kept' : 'renewed'
      if (await isOurs(lock)) return state
      // Its folder, but nothing above: a home that somebody has deleted does not come back by itself.
      await mkdir(directory, { mode: 0o700 }).catch(() => undefined)
      return (await isFolder(directory)) && takeLock(lock, { instanceId }) ? state : 'lost'
    },
    release: async () => {
      for (const file of [record, lock]) if (await isOurs(file)) await rm(file, { force: true })
    },
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}

async function heldBy(home: string, { pid }: ProcessIdentity): Promise<CcrError> {
  const running = await findRunning(home)
  const fact = running
    ? `a router already runs in ${home}, at ${running.url} (pid ${running.pid})`
    : `another router is starting or stopping in ${home} (pid ${pid})`
  return new CcrError('CCR_HOST_INSTANCE', `${fact}; use it, or stop it with \`ccr stop\``)
}

async function readRecord<T extends object>(file: string): Promise<T | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    return typeof value === 'object' && value !== null ? (value as T) : undefined
  } catch {
    return undefined
  }
}

/** The instance id that a router at an address answers with; nothing when none answers. */
export function instanceAt(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    // Without an agent, which the environment could send through a proxy.
    const request = get(`${url}/health`, { agent: false, signal: AbortSignal.timeout(PROBE_MS) }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > ANSWER_BYTES) request.destroy()
      })
      response.once('error', () => resolve(undefined))
      response.once('close', () => resolve(instanceIn(text)))
    })
    request.once('error', () => resolve(undefined))
  })
}

function instanceIn(text: string): string | undefined {
  try {
    const { instance } = Object(JSON.parse(text)) as { instance?: unknown }
    return typeof instance === 'string' ? instance : undefined
  } catch {
    return undefined
  }
}
