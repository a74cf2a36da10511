import { mkdtemp, readFile, rm } from 'node:fs/promises'
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
  const log = new LogFile(file, (text) => text.replaceAll('CANARY', '[secret]'))
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
})
