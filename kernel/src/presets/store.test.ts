import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkFreeName, placePreset, takePresetAway } from './store.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ccr-preset-store-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

const textOf = (name: string): Promise<string> => readFile(join(home, 'presets', name, 'manifest.json'), 'utf8')
const names = (): Promise<string[]> => readdir(join(home, 'presets'))

describe('a preset', () => {
  it('is put in its place whole, for its owner alone', async () => {
    await placePreset(home, 'a', 'text', false)
    expect(await textOf('a')).toBe('text')
    expect(await names()).toEqual(['a'])
    for (const path of ['presets', 'presets/a', 'presets/a/manifest.json']) {
      expect(((await stat(join(home, path))).mode & 0o077).toString(8)).toBe('0')
    }
  })

  it('row 143: of many at once one wins, and nothing is mixed', async () => {
    const texts = Array.from({ length: 8 }, (_, index) => `text ${index}`.repeat(1000))
    const results = await Promise.allSettled(texts.map((text) => placePreset(home, 'a', text, false)))
    const won = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [texts[index]] : []))
    expect(won).toHaveLength(1)
    expect(await textOf('a')).toBe(won[0])
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CCR_PRESET_NAME' })
    }
    expect(await names()).toEqual(['a'])
  })

  it('row 141: is taken back as if nothing had been', async () => {
    await (await placePreset(home, 'a', 'first', false)).undo()
    expect(await names()).toEqual([])
    await placePreset(home, 'a', 'first', false)
    const second = await placePreset(home, 'a', 'second', true)
    expect(await textOf('a')).toBe('second')
    await second.undo()
    expect(await textOf('a')).toBe('first')
    await (await takePresetAway(home, 'a')).undo()
    expect(await textOf('a')).toBe('first')
    await (await takePresetAway(home, 'a')).keep()
    expect(await names()).toEqual([])
  })

  it('row 141: what a killed command left is removed by the next one; what another is about to do is not', async () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid
    for (const pid of [gone, process.ppid]) {
      await mkdir(join(home, 'presets', `.${pid}-00`), { recursive: true })
      await writeFile(join(home, 'presets', `.${pid}-00`, 'manifest.json'), 'half')
    }
    await placePreset(home, 'a', 'text', false)
    expect((await names()).sort()).toEqual([`.${process.ppid}-00`, 'a'])
  })

  it.each([
    ['list', /`ccr list` is a command/],
    ['LIST', /is a command/],
    ['Foo', /the preset foo is installed, which some systems take for Foo/],
    ['foo', /the preset foo is installed\. .*--force/],
    ['../x', /letters, digits/],
    ['default', /config itself/],
  ])('row 140: cannot have the name %s', async (name, message) => {
    await placePreset(home, 'foo', 'text', false)
    await expect(checkFreeName(home, name, ['list'], false)).rejects.toThrow(message)
  })

  it('of exactly that name can be replaced', async () => {
    await placePreset(home, 'foo', 'text', false)
    await checkFreeName(home, 'foo', [], true)
    await expect(checkFreeName(home, 'FOO', [], true)).rejects.toThrow(/some systems/)
  })

  it('takes the place of what is left of one without a manifest, if it may replace it', async () => {
    await mkdir(join(home, 'presets', 'foo', 'rest'), { recursive: true })
    await expect(placePreset(home, 'foo', 'text', false)).rejects.toThrow(/--force/)
    await placePreset(home, 'foo', 'text', true)
    expect(await textOf('foo')).toBe('text')
    expect(await names()).toEqual(['foo'])
  })

  it.each(['absent', '..', '../presets', ''])('that is not there (%j) cannot be taken away', async (name) => {
    await placePreset(home, 'foo', 'text', false)
    await expect(takePresetAway(home, name)).rejects.toThrow(/is installed/)
    expect(await names()).toEqual(['foo'])
  })
})
