import { mkdir, mkdtemp, readFile, realpath, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { FSWatcher, watch } from 'chokidar'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Log } from '../core/log.ts'
import { beginReading, InputWatcher } from './watch.ts'

const NEVER_MS = 1_000_000

let root: string
const closers: (() => void)[] = []
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'ccr-watch-')))
})
afterEach(async () => {
  for (const close of closers.splice(0)) close()
  await rm(root, { recursive: true, force: true })
})

/** What reads the files whenever it is told to, as the router does. */
interface Reader {
  readonly watcher: InputWatcher
  /** What it read last, in the order of the files; nothing for a file that is not there. */
  readonly last: () => readonly (string | undefined)[]
  /** How often it was told of a change. */
  readonly told: () => number
  /** How often it had read what it was told of, and followed it: a change before that may be among what it read. */
  readonly followed: () => number
  readonly warnings: readonly string[]
}

interface ReaderOptions {
  readonly quietMs?: number
  readonly pollMs?: number
  /** Runs between the beginning and the end of each reading. */
  readonly during?: () => Promise<unknown>
  /** Runs when the files were read. */
  readonly after?: () => Promise<unknown>
  readonly open?: typeof watch
  readonly busy?: () => boolean
}

async function readBy(
  files: readonly string[],
  { quietMs = 10, pollMs = NEVER_MS, during = async () => undefined, after, open, busy }: ReaderOptions = {},
): Promise<Reader> {
  let last: readonly (string | undefined)[] = []
  let told = 0
  let followed = 0
  const warnings: string[] = []
  const quiet = (): void => undefined
  const note = (_: object, text: string): void => void warnings.push(text)
  const log: Log = { debug: quiet, info: quiet, warn: note, error: note }
  const read = async (): Promise<void> => {
    last = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => undefined)))
  }
  const watcher = new InputWatcher({
    log,
    changed: async () => {
      told++
      const reading = await watcher.beginReading()
      await during()
      await read()
      await after?.()
      await watcher.follow(files, reading, { quietMs, pollMs })
      followed++
    },
    open,
    busy,
  })
  closers.push(() => watcher.close())
  const reading = beginReading()
  await read()
  await watcher.follow(files, reading, { quietMs, pollMs })
  return { watcher, last: () => last, told: () => told, followed: () => followed, warnings }
}

async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 5_000): Promise<void> {
  for (const end = performance.now() + limitMs; performance.now() < end; await pause(5)) if (await holds()) return
  throw new Error(`${what}: not within ${limitMs} ms`)
}

/** A file that is older than any reading. */
async function old(path: string, text: string): Promise<string> {
  await writeFile(path, text)
  return path
}

describe('a watcher', () => {
  it('tells of no change when a file is touched or saved as it was', async () => {
    const file = await old(join(root, 'a'), 'one')
    const marker = await old(join(root, 'b'), '1')
    const reader = await readBy([file, marker])
    await writeFile(marker, '2')
    await until('the first change', () => reader.last()[1] === '2')
    const told = reader.told()
    await utimes(file, new Date(), new Date())
    await writeFile(file, 'one')
    await rename(file, `${file}~`)
    await writeFile(file, 'one')
    await writeFile(marker, '3')
    await until('the change after it', () => reader.last()[1] === '3')
    expect(reader.told()).toBe(told + 1)
  })

  it('tells of a file that was not there, in folders that were not there, and when it is gone again', async () => {
    const file = join(root, 'x', 'y', 'z')
    const reader = await readBy([file])
    await mkdir(join(root, 'x', 'y'), { recursive: true })
    await writeFile(file, 'one')
    await until('its arrival', () => reader.last()[0] === 'one')
    await rm(join(root, 'x'), { recursive: true })
    await until('its end', () => reader.last()[0] === undefined)
  })

  it('tells of what comes to a folder and goes, where its path ends with a separator', async () => {
    const folder = join(root, 'x') + sep
    const reader = await readBy([folder])
    await mkdir(folder)
    await until('the folder', () => reader.followed() === 1)
    await mkdir(join(folder, 'a'))
    await until('a folder in it', () => reader.followed() === 2)
    // Names that begin with a dot are on their way, and what lies deeper is not looked at.
    await mkdir(join(folder, '.b'))
    await writeFile(join(folder, 'a', 'c'), '')
    await rename(join(folder, 'a'), join(folder, '.a'))
    await until('its end', () => reader.followed() === 3)
    expect(reader.told()).toBe(3)
  })

  it('tells of a change that came while another one was taken, once', async () => {
    const file = await old(join(root, 'a'), 'one')
    let begin: () => void = () => undefined
    const begun = new Promise<void>((resolve) => (begin = resolve))
    let finish: () => void = () => undefined
    const finished = new Promise<void>((resolve) => (finish = resolve))
    let hold = false
    const reader = await readBy([file], {
      during: async () => {
        if (!hold) return
        begin()
        await finished
      },
    })
    const told = reader.told()
    hold = true
    await writeFile(file, 'two')
    await begun
    for (let count = 0; count < 20; count++) {
      await writeFile(file, `three ${count}`)
      await pause(5)
    }
    hold = false
    finish()
    await until('the last one', () => reader.last()[0] === 'three 19')
    await writeFile(file, 'four')
    await until('the one after it', () => reader.last()[0] === 'four')
    expect(reader.told() - told).toBeLessThanOrEqual(3)
  })

  it('tells of a file that was read as it was only for a moment', async () => {
    const file = await old(join(root, 'a'), 'one')
    const marker = await old(join(root, 'b'), '1')
    let moment = true
    const reader = await readBy([file, marker], {
      during: async () => moment && writeFile(file, 'two'),
      after: async () => {
        if (moment) await writeFile(file, 'one')
        moment = false
      },
    })
    await writeFile(marker, '2')
    await until('the moment', () => !moment)
    await until('what stood before and after it', () => reader.last()[0] === 'one')
  })

  it('takes changes that do not end', async () => {
    const file = await old(join(root, 'a'), '0')
    const reader = await readBy([file], { quietMs: 30 })
    let count = 0
    let saving = true
    const saves = (async () => {
      for (; saving && count < 1_000; await pause(5)) await writeFile(file, String(++count))
    })()
    await until('a change', () => reader.last()[0] !== '0')
    saving = false
    await saves
    await until('the last change', () => reader.last()[0] === String(count))
  })

  it('tells of a change whose maker is still at it when he has ended, once', async () => {
    const file = await old(join(root, 'a'), 'one')
    let asked = 0
    let isBusy = true
    const reader = await readBy([file], { busy: () => asked++ >= 0 && isBusy })
    await writeFile(file, 'two')
    await until('it was looked at again and again', () => asked > 3)
    expect(reader.told()).toBe(0)
    await writeFile(file, 'three')
    isBusy = false
    await until('the last state', () => reader.last()[0] === 'three')
    expect(reader.told()).toBe(1)
  })

  it('does not wait for a maker without end', async () => {
    const file = await old(join(root, 'a'), 'one')
    const reader = await readBy([file], { quietMs: 1, busy: () => true })
    await writeFile(file, 'two')
    await until('the change', () => reader.last()[0] === 'two')
  })

  it('sees by polling what the system does not tell: a folder far above was replaced', async () => {
    await mkdir(join(root, 'a/b/c/d'), { recursive: true })
    await mkdir(join(root, 'new/b/c/d'), { recursive: true })
    const file = await old(join(root, 'a/b/c/d/file'), 'one')
    await writeFile(join(root, 'new/b/c/d/file'), 'two')
    const reader = await readBy([file], { pollMs: 20 })
    await rename(join(root, 'a'), join(root, 'away'))
    await rename(join(root, 'new'), join(root, 'a'))
    await until('the new folder', () => reader.last()[0] === 'two')
    await writeFile(file, 'three')
    await until('a change in it', () => reader.last()[0] === 'three')
  })

  it('does not look at a file that is a pipe, a folder or too large', async () => {
    const file = await old(join(root, 'a'), 'one')
    const marker = await old(join(root, 'b'), '1')
    const reader = await readBy([file, marker])
    await rm(file)
    await mkdir(file)
    await until('the folder', () => reader.last()[0] === undefined)
    await writeFile(marker, '2')
    await until('the marker', () => reader.last()[1] === '2')
    expect(reader.warnings).toEqual([])
  })

  it('that cannot watch a folder says what helps, once, and polls; nothing fails', async () => {
    const file = await old(join(root, 'a'), 'one')
    let broken = true
    const open: typeof watch = (paths, options) => {
      if (!broken) return watch(paths, options)
      const watcher = new FSWatcher(options)
      queueMicrotask(() => {
        watcher.emit('error', Object.assign(new Error('EMFILE: too many open files, watch'), { code: 'EMFILE' }))
        watcher.emit('ready')
      })
      return watcher
    }
    const reader = await readBy([file], { pollMs: 20, open })
    await until('the failure', () => reader.watcher.failing)
    await writeFile(file, 'two')
    await until('the change', () => reader.last()[0] === 'two')
    expect(reader.warnings).toEqual([
      'the folder cannot be watched: EMFILE: too many open files, watch. Changes in it are seen within 0.02 s; ' +
        '`ccr reload` takes them at once.',
    ])
    broken = false
    await until('the recovery', () => !reader.watcher.failing)
  })

  it('hears nothing any more when it is closed, and leaves nothing open', async () => {
    const watches = (): number => process.getActiveResourcesInfo().filter((name) => /FSEvent|FSReq/.test(name)).length
    const before = watches()
    const file = await old(join(root, 'a'), 'one')
    const reader = await readBy([file])
    await until('a watch', () => watches() > before)
    const told = reader.told()
    reader.watcher.close()
    await until('no watch', () => watches() <= before)
    await writeFile(file, 'two')
    await readBy([file]).then(async (other) => {
      await writeFile(file, 'three')
      await until('another reader', () => other.last()[0] === 'three')
    })
    expect(reader.told()).toBe(told)
  })
})

type Step =
  | { readonly type: 'write' | 'replace' | 'keep old' | 'delete'; readonly file: number; readonly value: number }
  | { readonly type: 'swap' | 'new folder' | 'rebuild'; readonly value: number }

const file = fc.nat(2)
const value = fc.nat(3)
const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.constantFrom('write', 'replace', 'keep old', 'delete'), file, value }),
    fc.record({ type: fc.constantFrom('swap', 'new folder', 'rebuild'), value }),
  ),
  { minLength: 1, maxLength: 8 },
)

describe('whatever is done to files', { timeout: 120_000 }, () => {
  it('the last state is read, after any steps in any time', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom(0, 3, 15), async (todo, gapMs) => {
        const base = await mkdtemp(join(root, 'run-'))
        await mkdir(join(base, 'versions/0'), { recursive: true })
        await writeFile(join(base, 'versions/0/c'), '0')
        await symlink('versions/0', join(base, 'link'))
        await mkdir(join(base, 'folder'))
        const files = [join(base, 'a'), join(base, 'folder/b'), join(base, 'link/c')]
        const reader = await readBy(files)
        let stamp = 0
        for (const step of todo) {
          await take(step, base, files, ++stamp)
          if (gapMs > 0) await pause(gapMs)
        }
        const actual = await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => undefined)))
        await until('the last state', () => JSON.stringify(reader.last()) === JSON.stringify(actual))
        expect(reader.warnings).toEqual([])
        reader.watcher.close()
      }),
      { numRuns: 25 },
    )
  })

  async function take(step: Step, base: string, files: readonly string[], stamp: number): Promise<void> {
    const text = String(step.value)
    switch (step.type) {
      case 'write':
        return writeFile(files[step.file]!, text)
      case 'replace':
        await writeFile(`${files[step.file]!}.tmp`, text)
        return rename(`${files[step.file]!}.tmp`, files[step.file]!)
      case 'keep old':
        await rename(files[step.file]!, `${files[step.file]!}~`).catch(() => undefined)
        return writeFile(files[step.file]!, text)
      case 'delete':
        return rm(files[step.file]!, { force: true })
      case 'swap':
        await mkdir(join(base, `versions/${stamp}`), { recursive: true })
        await writeFile(join(base, `versions/${stamp}/c`), text)
        await symlink(`versions/${stamp}`, join(base, 'link.tmp'))
        return rename(join(base, 'link.tmp'), join(base, 'link'))
      case 'new folder':
        await mkdir(join(base, `new-${stamp}`))
        await writeFile(join(base, `new-${stamp}`, 'b'), text)
        await rename(join(base, 'folder'), join(base, `old-${stamp}`))
        return rename(join(base, `new-${stamp}`), join(base, 'folder'))
      case 'rebuild':
        await rm(join(base, 'folder'), { recursive: true })
        await mkdir(join(base, 'folder'))
        return writeFile(join(base, 'folder/b'), text)
    }
  }
})
