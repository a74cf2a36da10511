import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Exchange } from '@ccr/sdk'
import type { RoutingNote } from '../../exchange/ports.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Logs } from './logs.ts'

const exchange = { id: 'req_1' } as Exchange
const attemptOf = (model: string): RoutingNote => ({ event: 'attempt', number: 1, provider: 'p', model })
const options = { enabled: true, level: 'info', redact: (text: string) => text }

let home: string
let logs: Logs

beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'ccr-logs-'))))
afterEach(async () => {
  await logs.close()
  await rm(home, { recursive: true })
})

describe('the logs of a router', () => {
  it('are limited, both of them', async () => {
    logs = new Logs(home, options, 100_000)
    await logs.configure(options)
    const text = 'x'.repeat(60_000)
    for (let at = 0; at < 3; at++) {
      logs.log.info({ text }, 'a line')
      logs.record(exchange, attemptOf(text))
    }
    const moved = async (): Promise<number> =>
      (await readdir(join(home, 'logs'))).filter((name) => name.endsWith('.log.1')).length
    await expect.poll(moved).toBe(2)
    expect(logs.fault).toBeUndefined()
  })

  it('are kept of the last ten routers, with all that belongs to them', async () => {
    const folder = join(home, 'logs')
    const old = Array.from({ length: 12 }, (_, index) => `ccr-2020-01-${String(index + 10)}T00-00-00.000Z.log`)
    await mkdir(folder)
    const before = [...old, `${old[0]}.1`, `${old[3]}.1`, 'supervisor.log']
    for (const name of before) await writeFile(join(folder, name), '')
    logs = new Logs(home, options)
    await logs.configure(options)
    const after = await readdir(folder)
    expect(before.filter((name) => !after.includes(name))).toEqual([...old.slice(0, 3), `${old[0]}.1`])
    expect(after.filter((name) => /^ccr-.*\.log$/.test(name))).toHaveLength(10)
  })

  it('take what was written before they had a folder with them', async () => {
    const [old, routing] = ['', 'logs'].map((folder) => join(home, folder, 'claude-code-router.log')) as [
      string,
      string,
    ]
    await writeFile(old, 'before\n')
    logs = new Logs(home, options)
    await logs.configure(options)
    logs.record(exchange, attemptOf('m'))
    await logs.close()
    expect(await readFile(routing, 'utf8')).toMatch(/^before\n.*"event":"attempt"/)
    expect(await readFile(old, 'utf8')).toBe(await readFile(routing, 'utf8'))
    await rm(old)
    await writeFile(old, 'of somebody else')
    logs = new Logs(home, options)
    await logs.configure(options)
    expect(await readFile(routing, 'utf8')).toMatch(/^before\n/)
  })

  it('tell of the one that cannot be opened, and do without it', async () => {
    await mkdir(join(home, 'logs', 'claude-code-router.log'), { recursive: true })
    logs = new Logs(home, options)
    await logs.configure(options)
    logs.log.info({}, 'a line')
    logs.record(exchange, attemptOf('x'.repeat(100_000)))
    expect(logs.fault).toContain('cannot be written')
    await rm(join(home, 'logs', 'claude-code-router.log'), { recursive: true })
    await logs.configure(options)
    expect(logs.fault).toBeUndefined()
  })
})
