import { spawn } from 'node:child_process'
import { writeSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { claimInstance, findRunning, type Claim, type RunningInstance } from './instance.ts'

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return { ...fs, writeSync: vi.fn(fs.writeSync) }
})

let home: string
const disposers: (() => unknown)[] = []
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ccr-instance-'))
  await mkdir(join(home, 'run'))
})
afterEach(async () => {
  for (const dispose of disposers.splice(0)) await dispose()
  await rm(home, { recursive: true })
})

describe('findRunning', () => {
  it('believes a router that answers with the recorded identity', async () => {
    const recorded = await record(await answering('one'), 'one')
    expect(await findRunning(home)).toEqual(recorded)
  })

  it.each([
    ['another identity', 'other'],
    ['no identity', undefined],
  ])('does not believe %s, though the process runs', async (_name, instance) => {
    await record(await answering(instance), 'one')
    expect(await findRunning(home)).toBeUndefined()
  })

  it.each(['', '{', 'null', '[]', '{"pid":1}'])('takes the record %j for none', async (text) => {
    await writeFile(join(home, 'run', 'instance.json'), text)
    expect(await findRunning(home)).toBeUndefined()
  })

  it('finds nothing where nobody listens, or in no home', async () => {
    await record('http://127.0.0.1:9', 'one')
    expect(await findRunning(home)).toBeUndefined()
    expect(await findRunning(join(home, 'missing'))).toBeUndefined()
  })
})

describe('a claim', () => {
  const claimed = async (): Promise<{ claim: Claim; instance: RunningInstance }> => {
    const claim = await claimInstance(home)
    const url = await answering(claim.instanceId)
    const rest = { pid: process.pid, port: 1, host: '127.0.0.1', version: '1', startedAt: '' }
    const instance = { ...rest, url, instanceId: claim.instanceId }
    await claim.announce(instance)
    return { claim, instance }
  }

  it('is renewed in a home that was deleted and made anew', async () => {
    const { claim, instance } = await claimed()
    expect(await claim.renew()).toBe('kept')
    await rm(home, { recursive: true })
    await mkdir(home)
    expect(await claim.renew()).toBe('renewed')
    await claim.announce(instance)
    expect(await findRunning(home)).toEqual(instance)
    await expect(claimInstance(home)).rejects.toMatchObject({ code: 'CCR_HOST_INSTANCE' })
    await claim.release()
    expect(await readdir(join(home, 'run'))).toEqual([])
  })

  it('takes its lock again, where only that was removed', async () => {
    const { claim } = await claimed()
    await rm(join(home, 'run', 'lock'))
    expect(await claim.renew()).toBe('kept')
    expect((await readdir(join(home, 'run'))).sort()).toEqual(['instance.json', 'lock'])
    await expect(claimInstance(home)).rejects.toMatchObject({ code: 'CCR_HOST_INSTANCE' })
    await rm(join(home, 'run', 'lock'))
    await claimInstance(home)
    expect(await claim.renew()).toBe('lost')
  })

  it('brings no home back', async () => {
    const { claim } = await claimed()
    await rm(home, { recursive: true })
    expect(await claim.renew()).toBe('lost')
    await expect(readdir(home)).rejects.toThrow('ENOENT')
    await mkdir(home)
  })

  it('takes no home that another router has claimed meanwhile', async () => {
    const { claim } = await claimed()
    await rm(join(home, 'run'), { recursive: true })
    await claimInstance(home)
    expect(await claim.renew()).toBe('lost')
  })
})

describe('claimInstance', () => {
  it('lets exactly one of many have the home', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => claimInstance(home)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('lets exactly one of many take over an abandoned lock', async () => {
    const gone = await endedProcess()
    await writeFile(join(home, 'run', 'lock'), JSON.stringify({ pid: gone, start: '1', instanceId: 'old' }))
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => claimInstance(home)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await readdir(join(home, 'run'))).toEqual(['lock'])
  })

  it('takes a lock over whose process id belongs to somebody else by now', async () => {
    await writeFile(
      join(home, 'run', 'lock'),
      JSON.stringify({ pid: process.pid, start: 'another time', instanceId: 'old' }),
    )
    await claimInstance(home)
  })

  it.each(['lock', 'lock.takeover'])('takes over what a crash left in %s, however new it is', async (name) => {
    if (name === 'lock.takeover') {
      const abandoned = { pid: await endedProcess(), start: '1', instanceId: 'old' }
      await writeFile(join(home, 'run', 'lock'), JSON.stringify(abandoned))
    }
    await writeFile(join(home, 'run', name), '{"pid":')
    await claimInstance(home)
    expect(await readdir(join(home, 'run'))).toEqual(['lock'])
  })

  it.each(['{}', '[]', '{"pid":1}'])('takes over a lock that names no process: %s', async (text) => {
    await writeFile(join(home, 'run', 'lock'), text)
    await claimInstance(home)
  })

  it('leaves no lock behind that it could not write', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    vi.mocked(writeSync).mockImplementationOnce(() => {
      throw full
    })
    await expect(claimInstance(home)).rejects.toBe(full)
    expect(await readdir(join(home, 'run'))).toEqual([])
    await claimInstance(home)
  })

  it('gives the home free, but nothing that is no longer its own', async () => {
    const claim = await claimInstance(home)
    await claim.announce({ ...RECORD, instanceId: claim.instanceId })
    await claim.release()
    expect(await readdir(join(home, 'run'))).toEqual([])
    const next = await claimInstance(home)
    await claim.release()
    expect(await readdir(join(home, 'run'))).toEqual(['lock'])
    await next.release()
  })
})

const RECORD: RunningInstance = {
  pid: process.pid,
  port: 1,
  host: '127.0.0.1',
  url: 'http://127.0.0.1:1',
  instanceId: 'x',
  version: '1',
  startedAt: '2026-01-01T00:00:00.000Z',
}

async function record(url: string, instanceId: string): Promise<RunningInstance> {
  const instance = { ...RECORD, url, port: Number(new URL(url).port), instanceId }
  await writeFile(join(home, 'run', 'instance.json'), JSON.stringify(instance))
  return instance
}

async function answering(instance: string | undefined): Promise<string> {
  const server = createServer((_request, response) => response.end(JSON.stringify({ status: 'ok', instance })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  disposers.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
  await new Promise((resolve) => child.once('exit', resolve))
  return child.pid!
}
