import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { OnLoadResult, Plugin } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runBuild } from './build-service.ts'
import { loadPluginFile } from './evaluate.ts'

const run = promisify(execFile)
const EVALUATE = JSON.stringify(new URL('../../dist/load/evaluate.js', import.meta.url).href)

let folder: string
let file: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ccr-service-')))
  file = join(folder, 'plugin.ts')
  await writeFile(
    file,
    `import { definePlugin, Type } from '@ccr/sdk'
    export default definePlugin({
      name: 'probe', apiVersion: 1, description: '', options: Type.Object({}), activate() {},
    })`,
  )
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** The process of esbuild that this one started. */
function servicePid(): number {
  const processes = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  const pids = processes.flatMap((line) => {
    const [, pid, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return Number(parent) === process.pid && args.includes('--service=') ? [Number(pid)] : []
  })
  expect(pids).toHaveLength(1)
  return pids[0]!
}

/** Whether a process is there and not only waiting to be reaped. */
function lives(pid: number): boolean {
  try {
    return !/^\s*Z/.test(execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }))
  } catch {
    return false
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; performance.now() < end && !condition();) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(condition()).toBe(true)
}

const never = new Promise<never>(() => undefined)

/** A build whose first attempts wait for what `wait` gives. */
function build(wait: (attempt: number) => Promise<void> | void, limitMs?: number): Promise<string | undefined> {
  let attempts = 0
  const source: Plugin = {
    name: 'source',
    setup({ onLoad }) {
      onLoad({ filter: /.*/ }, async (): Promise<OnLoadResult> => {
        await wait(++attempts)
        return { contents: `export const attempts = ${attempts}` }
      })
    },
  }
  return runBuild({ entryPoints: [file], write: false, plugins: [source], logLevel: 'silent' }, limitMs).then(
    ({ outputFiles }) => outputFiles[0]?.text,
  )
}

describe('the process of esbuild', () => {
  it('lets any number of builds wait for it without a word', async () => {
    const warnings: string[] = []
    const note = ({ name }: Error): void => void warnings.push(name)
    process.on('warning', note)
    await Promise.all(Array.from({ length: 12 }, () => build(() => undefined)))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  it('builds on one thread, and nothing else is told to', async () => {
    await loadPluginFile(file)
    const shown = execFileSync('ps', ['eww', '-p', String(servicePid())], { encoding: 'utf8' })
    expect(shown).toMatch(/\sGOMAXPROCS=1\s/)
    expect(process.env['GOMAXPROCS']).toBeUndefined()
  })

  it('is replaced when it has died', async () => {
    await loadPluginFile(file)
    const pid = servicePid()
    process.kill(pid, 'SIGKILL')
    await until(() => !lives(pid))
    expect(await loadPluginFile(file)).toMatchObject({ plugin: { name: 'probe' } })
    expect(servicePid()).not.toBe(pid)
  })

  it('is replaced once when it dies under several builds, which begin again', async () => {
    let waiting = 0
    const both = (attempt: number): Promise<void> | void => {
      if (attempt > 1) return
      if (++waiting === 2) process.kill(servicePid(), 'SIGKILL')
      return never
    }
    expect(await Promise.all([build(both), build(both)])).toEqual([
      expect.stringContaining('attempts = 2'),
      expect.stringContaining('attempts = 2'),
    ])
    expect(servicePid()).toBeGreaterThan(0)
  })

  it('is given up after three deaths in a row', async () => {
    const deadly = (): Promise<void> => {
      process.kill(servicePid(), 'SIGKILL')
      return never
    }
    await expect(build(deadly)).rejects.toThrow(/service/)
    expect(await loadPluginFile(file)).toMatchObject({ plugin: { name: 'probe' } })
  })

  it('is replaced when a build does not end in time, and the others begin again', async () => {
    let begun!: () => void
    const other = new Promise<void>((resolve) => (begun = resolve))
    const bystander = build((attempt) => {
      begun()
      return attempt === 1 ? never : undefined
    })
    await other
    await expect(build(() => never, 50)).rejects.toMatchObject({
      code: 'CCR_PLUGIN_LOAD',
      message: /did not end within 50 ms/,
    })
    expect(await bystander).toContain('attempts = 2')
  })

  it('keeps the router neither alive, nor itself behind it', async () => {
    const main = join(folder, 'main.mjs')
    await writeFile(
      main,
      `import { loadPluginFile } from ${EVALUATE}
      import { execFileSync } from 'node:child_process'
      await loadPluginFile(${JSON.stringify(file)})
      const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\\n')
      const isOwn = (line) => line.trim().split(/\\s+/)[1] === String(process.pid)
      console.log(lines.find((line) => isOwn(line) && line.includes('--service=')))`,
    )
    const { stdout } = await run(process.execPath, [main], { timeout: 15_000 })
    const pid = Number.parseInt(stdout.trim(), 10)
    expect(pid).toBeGreaterThan(0)
    await until(() => !lives(pid))
  })
})
