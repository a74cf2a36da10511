import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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

describe('a log file', () => {
  it('has every line, whole and in order, however many fit into a batch', async () => {
    const texts = Array.from({ length: 3_000 }, (_, at) => `${at} ä"${'x'.repeat((at * 37) % 200)}`)
    const lines = await written((log) => texts.forEach((text) => log.record('{"a":1', { text }, { b: [true] })))
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(texts.map((text) => ({ a: 1, text, b: [true] })))
  })

  it('has a line that is larger than a batch in its place', async () => {
    const large = 'ü'.repeat(100_000)
    const lines = await written((log) => {
      log.record('{"at":1', { small: 'CANARY' })
      log.record('{"at":2', { large })
      log.record('{"at":3', {})
      log.write(`${large}\n`)
      log.write('last\n')
    })
    expect(lines.slice(0, 3).map((line) => JSON.parse(line) as unknown)).toEqual([
      { at: 1, small: '[secret]' },
      { at: 2, large },
      { at: 3 },
    ])
    expect(lines.slice(3)).toEqual([large, 'last'])
  })

  it('has nothing of a line that cannot be written', async () => {
    const circle: Record<string, unknown> = {}
    circle.again = circle
    const lines = await written((log) => {
      log.record('{"at":1', {})
      expect(() => log.record('{"at":2', { before: 'text' }, circle)).toThrow(TypeError)
      log.record('{"at":3', {})
    })
    expect(lines).toEqual(['{"at":1}', '{"at":3}'])
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

    it('keeps the two last ones, and counts what it held at the start', async () => {
      for (let start = 0; start < 6; start++) {
        const log = await LogFile.open(file, (text) => text, LIMIT)
        for (let at = 0; at < 3; at++) log.write(line(start * 3 + at))
        await log.close()
      }
      expect(await sizeOf(file)).toBeLessThanOrEqual(2 * LIMIT)
      expect([...(await numbersIn(`${file}.1`)), ...(await numbersIn(file))].at(-1)).toBe(17)
      expect(await sizeOf(`${file}.2`)).toBe(0)
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
