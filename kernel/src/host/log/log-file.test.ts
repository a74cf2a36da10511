import { execFileSync } from 'node:child_process'
import { constants } from 'node:fs'
import { lstat, mkdir, mkdtemp, open, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LogFile } from './log-file.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccr-log-'))
  file = join(folder, 'a.log')
})
afterEach(() => rm(folder, { recursive: true }))

async function written(write: (log: LogFile) => void): Promise<string[]> {
  const log = await LogFile.open(file, (text) => text.replaceAll('CANARY', '[secret]'), 1e9)
  write(log)
  await log.close()
  return (await readFile(file, 'utf8')).split('\n').slice(0, -1)
}

/** Writes until the file holds something. */
async function writtenAgain(log: LogFile): Promise<string> {
  const here = (): Promise<string> => {
    log.write('again\n')
    return readFile(file, 'utf8').catch(() => '')
  }
  await expect.poll(here, { timeout: 10_000 }).toContain('again')
  await log.close()
  return here()
}

describe('a log file', () => {
  it('has every line, whole and in order, however many fit into a batch', async () => {
    const texts = Array.from({ length: 3_000 }, (_, at) => `${at} ä"${'x'.repeat((at * 37) % 200)}`)
    expect(await written((log) => texts.forEach((text) => log.write(`${text}\n`)))).toEqual(texts)
  })

  it('has a line that is larger than a batch in its place', async () => {
    const large = 'ü'.repeat(100_000)
    const lines = await written((log) => ['CANARY', large, '', large, 'last'].forEach((text) => log.write(`${text}\n`)))
    expect(lines).toEqual(['[secret]', large, '', large, 'last'])
  })

  it('has every character of a line that just fits, or just does not', async () => {
    const widest = 64 * 1024
    for (const length of [Math.floor(widest / 3) - 2, Math.floor(widest / 3) - 1, Math.floor(widest / 3)]) {
      const texts = ['first', '\u{ffff}'.repeat(length), 'last']
      expect(await written((log) => texts.forEach((text) => log.write(`${text}\n`)))).toEqual(texts)
      await rm(file)
    }
  })

  it('takes no line once it is closed', async () => {
    const log = await LogFile.open(file, (text) => text, 1e9)
    log.write('first\n')
    await log.close()
    log.write('late\n')
    log.write(`${'x'.repeat(100_000)}\n`)
    await log.close()
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(await readFile(file, 'utf8')).toBe('first\n')
  })

  it.each(['the file', 'its folder'])(
    'begins again where somebody has removed %s, however much it may hold',
    async (what) => {
      const log = await LogFile.open(file, (text) => text, 1e9)
      log.write('first\n')
      await expect.poll(() => readFile(file, 'utf8')).toBe('first\n')
      await rm(what === 'the file' ? file : folder, { recursive: true })
      expect(await writtenAgain(log)).not.toContain('first')
      expect(log.failing).toBe(false)
      expect((await stat(folder)).mode & 0o077).toBe(0)
    },
  )

  it('tells that it fails where more than its folder is gone', async () => {
    const home = join(folder, 'home')
    await mkdir(join(home, 'logs'), { recursive: true })
    const log = await LogFile.open(join(home, 'logs', 'a.log'), (text) => text, 1e9)
    await rm(home, { recursive: true })
    const failing = (): boolean => {
      log.write('again\n')
      return log.failing
    }
    await expect.poll(failing, { timeout: 10_000 }).toBe(true)
    await log.close()
  })

  it('is closed in the end though what takes it does not', async () => {
    const pipe = `${file}.pipe`
    execFileSync('mkfifo', [pipe])
    const reader = await open(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
    const log = await LogFile.open(pipe, (text) => text, 1e9)
    log.write('x'.repeat(1_000_000))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      let closed = false
      const closing = log.close().then(() => (closed = true))
      await vi.advanceTimersByTimeAsync(1_900)
      expect(closed).toBe(false)
      await vi.advanceTimersByTimeAsync(100)
      await closing
    } finally {
      vi.useRealTimers()
      await reader.close()
    }
  })

  it('is refused where it cannot be opened at once', async () => {
    execFileSync('mkfifo', [`${file}.pipe`])
    await expect(LogFile.open(`${file}.pipe`, (text) => text, 1e9)).rejects.toMatchObject({ code: 'ENXIO' })
    await mkdir(file)
    await expect(LogFile.open(file, (text) => text, 1e9)).rejects.toMatchObject({ code: 'EISDIR' })
  })

  describe('of limited length', () => {
    const LIMIT = 300_000
    const line = (at: number): string => `${at} ${'x'.repeat(100_000)}\n`
    const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0
    const numbersIn = async (path: string): Promise<number[]> =>
      (await readFile(path, 'utf8')).split('\n').slice(0, -1).map(Number.parseFloat)

    it('moves away when it is full, and loses no line', async () => {
      const log = await LogFile.open(file, (text) => text, LIMIT)
      for (let at = 0; at < 4; at++) log.write(line(at))
      await expect.poll(() => sizeOf(`${file}.1`)).toBeGreaterThan(LIMIT)
      for (let at = 4; at < 6; at++) log.write(line(at))
      await log.close()
      expect([...(await numbersIn(`${file}.1`)), ...(await numbersIn(file))]).toEqual([0, 1, 2, 3, 4, 5])
      expect(log.failing).toBe(false)
    })

    it('moves away each time it is full', async () => {
      const log = await LogFile.open(file, (text) => text, LIMIT)
      let next = 0
      const firstKept = async (): Promise<number> => {
        log.write(line(next++))
        return (await numbersIn(`${file}.1`).catch(() => []))[0] ?? 0
      }
      // The third file has become the one before.
      await expect.poll(firstKept, { timeout: 10_000 }).toBeGreaterThan(7)
      await log.close()
      const kept = [...(await numbersIn(`${file}.1`)), ...(await numbersIn(file))]
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, at) => next - kept.length + at))
    })

    it('counts what it holds at the start', async () => {
      await writeFile(file, line(0) + line(1))
      const log = await LogFile.open(file, (text) => text, LIMIT)
      log.write(line(2))
      await expect.poll(() => numbersIn(`${file}.1`).catch(() => [])).toEqual([0, 1, 2])
      await log.close()
      await writeFile(file, line(4).repeat(4))
      await (await LogFile.open(file, (text) => text, LIMIT)).close()
      expect(await numbersIn(`${file}.1`)).toEqual([4, 4, 4, 4])
      expect(await sizeOf(file)).toBe(0)
    })

    it('begins again where somebody has removed it', async () => {
      const log = await LogFile.open(file, (text) => text, LIMIT)
      log.write(line(0))
      await expect.poll(() => sizeOf(file)).toBeGreaterThan(0)
      await rm(file)
      let next = 1
      await expect
        .poll(() => {
          log.write(line(next++))
          return sizeOf(file)
        })
        .toBeGreaterThan(0)
      await log.close()
      expect((await numbersIn(file)).at(-1)).toBe(next - 1)
      expect(log.failing).toBe(false)
    })

    it('leaves a file alone that somebody else began in its place', async () => {
      const log = await LogFile.open(file, (text) => text, LIMIT)
      for (let at = 0; at < 2; at++) log.write(line(at))
      await expect.poll(() => sizeOf(file)).toBe(line(0).length * 2)
      await rename(file, `${file}.1`)
      await writeFile(file, '')
      let next = 2
      const more = (): Promise<number> => {
        log.write(line(next++))
        return sizeOf(file)
      }
      await expect.poll(more).toBeGreaterThan(0)
      await log.close()
      const found = [...(await numbersIn(`${file}.1`)), ...(await numbersIn(file))]
      expect(found).toEqual(Array.from({ length: next }, (_, at) => at))
    })

    it('leaves a link where it is, and moves what it leads to', async () => {
      const elsewhere = join(folder, 'elsewhere.log')
      await symlink(elsewhere, file)
      const log = await LogFile.open(file, (text) => text, LIMIT)
      for (let at = 0; at < 4; at++) log.write(line(at))
      await expect.poll(() => sizeOf(`${elsewhere}.1`)).toBeGreaterThan(LIMIT)
      await log.close()
      expect((await lstat(file)).isSymbolicLink()).toBe(true)
      const kept = await numbersIn(elsewhere).catch(() => [])
      expect([...(await numbersIn(`${elsewhere}.1`)), ...kept]).toEqual([0, 1, 2, 3])
    })

    it('never moves a device away', async () => {
      await symlink('/dev/null', file)
      const log = await LogFile.open(file, (text) => text, LIMIT)
      for (let at = 0; at < 9; at++) log.write(line(at))
      await log.close()
      expect((await stat(file)).isFile()).toBe(false)
      expect(log.failing).toBe(false)
    })

    it('is closed in its middle without losing a line', async () => {
      for (let round = 0; round < 20; round++) {
        const log = await LogFile.open(join(folder, `${round}.log`), (text) => text, LIMIT)
        for (let at = 0; at < 4; at++) log.write(line(at))
        for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve))
        log.write('4 last\n')
        await log.close()
        const before = await numbersIn(join(folder, `${round}.log.1`)).catch(() => [])
        const after = await numbersIn(join(folder, `${round}.log`)).catch(() => [])
        expect([...before, ...after]).toEqual([0, 1, 2, 3, 4])
      }
    })

    it('goes on in its place where it cannot move away', async () => {
      await mkdir(join(`${file}.1`, 'folder'), { recursive: true })
      const log = await LogFile.open(file, (text) => text, LIMIT)
      for (let at = 0; at < 9; at++) log.write(line(at))
      await log.close()
      expect(await numbersIn(file)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    })
  })
})
