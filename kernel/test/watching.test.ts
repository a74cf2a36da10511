import { once } from 'node:events'
import { cp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createCli, eventually, firstLine, urlIn, type Cli } from './cli-harness.ts'
import {
  configText,
  NEW,
  OLD,
  say,
  startWatched,
  until,
  writeWatchedFiles,
  type WatchedRouter,
} from './support/watched-router.ts'

let router: WatchedRouter | undefined
let cli: Cli | undefined
afterEach(async () => {
  await router?.stop()
  await cli?.dispose()
  router = cli = undefined
})

const watches = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith('FSEvent')).length

describe('what makes no generation', () => {
  it('a touch, a save without a change, a comment, and whatever the router itself writes', async () => {
    const written = await writeWatchedFiles()
    const home = join(written.root, 'home')
    await cp(written.files.config, join(home, 'config.json'))
    router = await startWatched(written, { configFile: undefined })
    const { files, words, generation, running } = router
    await utimes(files.dependency, new Date(), new Date())
    await writeFile(files.entry, await readFile(files.entry))
    await writeFile(join(home, 'config.json'), `// why\n${configText()}`)
    const body = JSON.stringify({ model: 'any', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] })
    const headers = { 'content-type': 'application/json' }
    expect((await fetch(`${running.url}/v1/messages`, { method: 'POST', headers, body })).status).toBe(200)
    const log = join(home, 'claude-code-router.log')
    await until('the log', async () => (await stat(log).catch(() => ({ size: 0 }))).size > 0)
    await say(files.data, OLD, NEW)
    await until('a change', async () => (await words()).data === NEW)
    expect(await generation()).toBe(2)
    await say(files.data, NEW, 'LAST')
    await until('another change', async () => (await words()).data === 'LAST')
    expect(await generation()).toBe(3)
  })

  it('a change of several files at once makes one', async () => {
    router = await startWatched(await writeWatchedFiles())
    const { files, words, generation } = router
    for (const file of [files.config, files.entry, files.dependency, files.data]) await say(file, OLD, NEW)
    await until('the change', async () => (await words()).data === NEW)
    expect(await words()).toEqual({ entry: NEW, dependency: NEW, data: NEW, option: NEW })
    expect(await generation()).toBe(2)
  })

  it('a file that the code no longer reads', async () => {
    router = await startWatched(await writeWatchedFiles())
    const { files, words, generation } = router
    await say(files.entry, "import { dependency } from './lib/value.ts'", "const dependency = 'none'")
    await until('the change', async () => (await words()).dependency === 'none')
    await writeFile(files.dependency, 'export const dependency = ]')
    await say(files.data, OLD, NEW)
    await until('a change after it', async () => (await words()).data === NEW)
    expect([await generation(), await router.fault()]).toEqual([3, undefined])
  })
})

describe('ccr.config.ts', () => {
  it('is taken when it arrives and when what it imports changes; when it is gone the config stays', async () => {
    const written = await writeWatchedFiles()
    const home = join(written.root, 'home')
    await cp(written.files.config, join(home, 'config.json'))
    router = await startWatched(written, { configFile: undefined })
    const { words, generation, fault } = router
    const own = join(home, 'ccr.config.ts')
    await writeFile(join(home, 'names.ts'), "export { default as option } from './names.json'")
    await writeFile(join(home, 'names.json'), '["one"]')
    await writeFile(
      own,
      `import { option } from './names.ts'
       export default { plugins: [{ use: 'file:../plugin/entry.ts', options: { option: option[0] } }] }`,
    )
    await until('its arrival', async () => (await words()).option === 'one')
    await writeFile(join(home, 'names.json'), '["two"]')
    await until('a change of what it imports', async () => (await words()).option === 'two')
    expect(await generation()).toBe(3)
    await rename(own, `${own}.bak`)
    await until('the error', async () => (await fault()) === 'CCR_CONFIG_READ')
    expect((await words()).option).toBe('two')
    await rename(`${own}.bak`, own)
    await until('no error', async () => (await fault()) === undefined)
    expect(await generation()).toBe(3)
  })
})

describe('watch: false', () => {
  it('watches nothing; a reload takes changes, and switches it on and off', async () => {
    const before = watches()
    router = await startWatched(await writeWatchedFiles(configText({ watch: false })))
    const { files, words, generation, running } = router
    expect(watches()).toBe(before)
    await say(files.data, OLD, NEW)
    await running.reload()
    expect([(await words()).data, await generation()]).toEqual([NEW, 2])
    await writeFile(files.config, configText({ watch: true }))
    await running.reload()
    await until('watches', async () => watches() > before)
    await say(files.data, NEW, 'LAST')
    await until('the change', async () => (await words()).data === 'LAST')
    await writeFile(files.config, configText({ watch: false }))
    await until('no watches', async () => watches() === before)
    expect(await generation()).toBe(5)
  })
})

describe('an asked-for reload', () => {
  it('always makes a generation, and those that wait for their turn are one', async () => {
    router = await startWatched(await writeWatchedFiles())
    const { generation, running } = router
    await running.reload()
    expect(await generation()).toBe(2)
    await Promise.all(Array.from({ length: 20 }, () => running.reload()))
    expect(await generation()).toBeLessThanOrEqual(4)
  })

  it('and a watched change of the same files make one generation, whichever comes first', async () => {
    router = await startWatched(await writeWatchedFiles())
    const { files, words, generation, running } = router
    await say(files.data, OLD, NEW)
    await running.reload()
    expect([(await words()).data, await generation()]).toEqual([NEW, 2])
    await say(files.data, NEW, 'LAST')
    await until('the change after it', async () => (await words()).data === 'LAST')
    expect(await generation()).toBe(3)
  })

  it('is refused when the router has stopped, and nothing is watched any more', async () => {
    const before = watches()
    router = await startWatched(await writeWatchedFiles())
    await until('watches', async () => watches() > before)
    await router.running.close({ graceMs: 0 })
    await expect(router.running.reload()).rejects.toMatchObject({ code: 'CCR_EXCHANGE_SHUTDOWN' })
    await until('no watches', async () => watches() === before)
  })
})

describe('a router as a process of its own', { timeout: 60_000 }, () => {
  it('takes a saved config, SIGHUP and ccr reload; ccr status tells of a bad file; the process lives', async () => {
    const one = (cli = await createCli())
    const { files, root } = await writeWatchedFiles()
    try {
      const config = await one.writeConfig(configText().replace('file:../plugin/', `file:${root}/plugin/`))
      const child = one.launch(['start', '--port', '0'])
      const url = urlIn(await firstLine(child))
      const words = async () => (await (await fetch(`${url}/words`)).json()) as { data: string; option: string }
      const health = async () => (await (await fetch(`${url}/health`)).json()) as { generation: number }
      const generation = async () => (await health()).generation
      const good = await readFile(config, 'utf8')
      await writeFile(config, good.replace(OLD, NEW))
      await eventually('the saved config', async () => (await words()).option === NEW || undefined)
      expect(await generation()).toBe(2)

      await writeFile(config, good.slice(0, 30))
      const told = await eventually('the bad config', async () => {
        const { stdout } = await one.run(['status'])
        return stdout.includes('the last change was not taken') ? stdout : undefined
      })
      expect(told).toContain('Correct the JSON5 text there')
      expect(told).toMatch(/config\.json:\d+:\d+/)
      const refused = await one.run(['reload'])
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('config.json:')])
      child.kill('SIGHUP')
      expect(await generation()).toBe(2)

      await writeFile(config, good)
      await eventually('the good config', async () => (await words()).option === OLD || undefined)
      await one.run(['reload'])
      expect(await generation()).toBe(4)
      await say(files.data, OLD, NEW)
      child.kill('SIGHUP')
      await eventually('SIGHUP', async () => (await words()).data === NEW || undefined)
      expect(await generation()).toBe(5)

      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })
})
