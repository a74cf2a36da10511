import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { NEW, OLD, say, startWatched, until, writeWatchedFiles, type WatchedRouter } from './support/watched-router.ts'

const run = promisify(execFile)

/** One way in which editors, tools and deployments change a file. */
interface Way {
  readonly name: string
  /** Lays the file out as this way finds it. */
  readonly prepare?: (file: string) => Promise<void>
  readonly save: (file: string, text: string) => Promise<void>
}

const WAYS: readonly Way[] = [
  { name: 'in place', save: (file, text) => writeFile(file, text) },
  {
    name: 'temp + rename',
    save: async (file, text) => {
      await writeFile(`${file}.tmp`, text)
      await rename(`${file}.tmp`, file)
    },
  },
  {
    name: 'vim: backup, write, delete the backup',
    save: async (file, text) => {
      await writeFile(join(dirname(file), '4913'), '')
      await unlink(join(dirname(file), '4913'))
      await rename(file, `${file}~`)
      await writeFile(file, text)
      await unlink(`${file}~`)
    },
  },
  {
    name: 'sed -i',
    save: async (file) => {
      await run('sed', [...(process.platform === 'darwin' ? ['-i', ''] : ['-i']), `s/${OLD}/${NEW}/g`, file])
    },
  },
  {
    name: 'cp over it',
    save: async (file, text) => {
      await writeFile(`${file}.new`, text)
      await run('cp', [`${file}.new`, file])
    },
  },
  {
    name: 'symbolic link of the file swapped',
    prepare: async (file) => {
      await rename(file, join(dirname(file), `1-${basename(file)}`))
      await symlink(`1-${basename(file)}`, file)
    },
    save: async (file, text) => {
      await writeFile(join(dirname(file), `2-${basename(file)}`), text)
      await symlink(`2-${basename(file)}`, `${file}.tmp`)
      await rename(`${file}.tmp`, file)
    },
  },
  {
    name: 'symbolic link of its folder swapped',
    prepare: async (file) => {
      await rename(dirname(file), `${dirname(file)}.1`)
      await symlink(`${basename(dirname(file))}.1`, dirname(file))
    },
    save: async (file, text) => {
      const folder = dirname(file)
      await cp(`${folder}.1`, `${folder}.2`, { recursive: true })
      await writeFile(join(`${folder}.2`, basename(file)), text)
      await symlink(`${basename(folder)}.2`, `${folder}.tmp`)
      await rename(`${folder}.tmp`, folder)
    },
  },
  {
    name: '..data of a Kubernetes ConfigMap swapped',
    prepare: async (file) => {
      const folder = dirname(file)
      const names = await readdir(folder)
      await mkdir(join(folder, '..v1'))
      for (const name of names) {
        await rename(join(folder, name), join(folder, '..v1', name))
        await symlink(join('..data', name), join(folder, name))
      }
      await symlink('..v1', join(folder, '..data'))
    },
    save: async (file, text) => {
      const folder = dirname(file)
      await cp(join(folder, '..v1'), join(folder, '..v2'), { recursive: true })
      await writeFile(join(folder, '..v2', basename(file)), text)
      await symlink('..v2', join(folder, '..data_tmp'))
      await rename(join(folder, '..data_tmp'), join(folder, '..data'))
      await rm(join(folder, '..v1'), { recursive: true })
    },
  },
  {
    name: 'its folder replaced by mv',
    save: async (file, text) => {
      const folder = dirname(file)
      await cp(folder, `${folder}.new`, { recursive: true })
      await writeFile(join(`${folder}.new`, basename(file)), text)
      await run('mv', [folder, `${folder}.old`])
      await run('mv', [`${folder}.new`, folder])
    },
  },
  {
    name: 'its folder deleted and built again',
    save: async (file, text) => {
      const folder = dirname(file)
      await cp(folder, `${folder}.new`, { recursive: true })
      await rm(folder, { recursive: true })
      await mkdir(folder)
      await cp(`${folder}.new`, folder, { recursive: true })
      await writeFile(file, text)
    },
  },
  {
    name: 'truncated, then written 150 ms later',
    save: async (file, text) => {
      await truncate(file)
      await pause(150)
      await writeFile(file, text)
    },
  },
]

const TARGETS = [
  { file: 'config', word: 'option' },
  { file: 'entry', word: 'entry' },
  { file: 'dependency', word: 'dependency' },
] as const

let router: WatchedRouter | undefined
afterEach(() => router?.stop())

describe.each(TARGETS)('117: a change of the $file is taken once when it is saved', ({ file, word }) => {
  it.each(WAYS)('$name', async ({ prepare, save }) => {
    const written = await writeWatchedFiles()
    const path = written.files[file]
    await prepare?.(path)
    router = await startWatched(written)
    const { words, generation, files } = router
    // Files that are as new as the router are looked at twice; that must not be what finds the change.
    await say(files.data, OLD, 'FIRST')
    await until('a change before it', async () => (await words()).data === 'FIRST')
    const before = await generation()
    await save(path, (await readFile(path, 'utf8')).replaceAll(OLD, NEW))
    await until('the change', async () => (await words())[word] === NEW)
    expect(await generation()).toBe(before + 1)
    // Whatever else the first change set off has happened by the time that a second one is taken.
    await say(files.data, 'FIRST', 'LAST')
    await until('the change after it', async () => (await words()).data === 'LAST')
    expect(await generation()).toBe(before + 2)
    expect(await router.fault()).toBeUndefined()
  })
})

describe('118: 100 saves in a second', () => {
  it.each(TARGETS)('of the $file make at most ten generations, and the last one wins', async ({ file, word }) => {
    router = await startWatched(await writeWatchedFiles())
    const { words, generation, files } = router
    const before = await generation()
    const text = await readFile(files[file], 'utf8')
    for (let count = 1; count <= 100; count++) {
      await writeFile(files[file], text.replaceAll(OLD, `${NEW}-${count}`))
      await pause(8)
    }
    await until('the last save', async () => (await words())[word] === `${NEW}-100`)
    await say(files.data, OLD, 'LAST')
    await until('the change after it', async () => (await words()).data === 'LAST')
    expect((await generation()) - before).toBeLessThanOrEqual(10)
  })
})
