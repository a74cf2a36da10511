import { randomBytes } from 'node:crypto'
import { open, readFile, rm, stat } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { createPrivateDirectory, writePrivateFile } from '../load/private-files.ts'
import { processStart } from './process-start.ts'

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
  /** Gives the home free. */
  release(): Promise<void>
}

interface Lock {
  readonly pid: number
  readonly start: string
  readonly instanceId: string
}

const PROBE_MS = 2_000
const ANSWER_BYTES = 64 * 1024
const TRIES = 50
/** A process that takes over a lock needs far less than this. */
const TAKEOVER_MS = 10_000

/**
 * The router of this home, if one runs. It is believed only when it proves its identity over HTTP, never by its
 * process id.
 */
export async function findRunning(home: string): Promise<RunningInstance | undefined> {
  const recorded = await readRecord<RunningInstance>(join(home, 'run', 'instance.json'))
  if (typeof recorded?.url !== 'string' || typeof recorded.instanceId !== 'string') return undefined
  return (await instanceAt(recorded.url)) === recorded.instanceId ? recorded : undefined
}

/** The process that has claimed a home, whether or not it listens; and whether it has ever done so. */
export async function findHolder(
  home: string,
): Promise<{ readonly pid: number; readonly start: string; readonly announced: boolean } | undefined> {
  const lock = await readRecord<Lock>(join(home, 'run', 'lock'))
  if (lock === undefined || lock.start === 'unknown' || !isHeld(lock)) return undefined
  const recorded = await readRecord<RunningInstance>(join(home, 'run', 'instance.json'))
  return { pid: lock.pid, start: lock.start, announced: recorded?.instanceId === lock.instanceId }
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
  const lock: Lock = { pid: process.pid, start: processStart(process.pid) ?? 'unknown', instanceId }
  const file = join(directory, 'lock')
  for (let tries = 0; tries < TRIES; tries++) {
    if (await createExclusively(file, JSON.stringify(lock))) return toClaim(directory, instanceId)
    const holder = await readRecord<Lock>(file)
    if (holder ? isHeld(holder) : !(await isOld(file))) {
      if (holder) throw await heldBy(home, holder)
      // Created but not yet written: its maker is at work.
      await new Promise((resolve) => setTimeout(resolve, 20))
      continue
    }
    await removeAbandoned(file, holder?.instanceId)
  }
  throw new CcrError('CCR_HOST_INSTANCE', `the lock ${file} cannot be taken; remove it if no router runs`)
}

function toClaim(directory: string, instanceId: string): Claim {
  const record = join(directory, 'instance.json')
  const lock = join(directory, 'lock')
  return {
    instanceId,
    announce: (instance) => writePrivateFile(record, `${JSON.stringify(instance)}\n`),
    release: async () => {
      for (const file of [record, lock]) {
        if ((await readRecord<{ instanceId?: string }>(file))?.instanceId === instanceId)
          await rm(file, { force: true })
      }
    },
  }
}

function isHeld({ pid, start }: Lock): boolean {
  return processStart(pid) === start
}

async function heldBy(home: string, { pid }: Lock): Promise<CcrError> {
  const running = await findRunning(home)
  const fact = running
    ? `a router already runs in ${home}, at ${running.url} (pid ${running.pid})`
    : `another router is starting or stopping in ${home} (pid ${pid})`
  return new CcrError('CCR_HOST_INSTANCE', `${fact}; use it, or stop it with \`ccr stop\``)
}

/** Of several that find the same abandoned lock one removes it, so that none removes a lock that is new by then. */
async function removeAbandoned(file: string, instanceId: string | undefined): Promise<void> {
  const takeover = `${file}.takeover`
  if (!(await createExclusively(takeover, ''))) {
    if (await isOld(takeover)) await rm(takeover, { force: true })
    else await new Promise((resolve) => setTimeout(resolve, 20))
    return
  }
  try {
    if ((await readRecord<Lock>(file))?.instanceId === instanceId) await rm(file, { force: true })
  } finally {
    await rm(takeover, { force: true })
  }
}

async function createExclusively(file: string, text: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600)
    try {
      await handle.writeFile(text)
    } finally {
      await handle.close()
    }
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw thrown
  }
}

async function isOld(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > TAKEOVER_MS
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
