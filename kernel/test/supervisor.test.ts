import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCli, eventually, type Cli } from './cli-harness.ts'

/** Takes the whole process along when it is asked to. */
const BAD = `import { definePlugin, Type } from '@ccr/sdk'

export default definePlugin({
  name: 'bad', apiVersion: 1, description: 'for a test', options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    ctx.on('selectRoute', (_, { headers }) => {
      if (headers['x-bad'] === 'block') while (true);
      if (headers['x-bad'] === 'exit') process.exit(0)
      if (headers['x-bad'] === 'kill') process.kill(process.pid, 'SIGKILL')
    })
  },
})
`

interface Status {
  readonly pid: number
  readonly url: string
  readonly safeMode?: { readonly suspect?: string; readonly leftOut: readonly string[]; readonly guards: string[] }
  readonly instances: readonly { readonly id: string }[]
}

let cli: Cli
beforeAll(async () => {
  cli = await createCli()
  await cli.writeConfig({ plugins: ['file:./bad.ts'] })
  await writeFile(join(cli.home, 'bad.ts'), BAD)
  const started = await cli.run(['start', '--daemon', '--port', '0'], { CCR_BLOCKED_MS: '2000' })
  expect(started).toMatchObject({ code: 0, stderr: '' })
}, 60_000)
afterAll(() => cli.dispose(), 60_000)

/** The router that answers now, when it is another than the one before. */
function routerAfter(before: number | undefined): Promise<Status> {
  return eventually('another router', async () => {
    const read = (name: string): Promise<string> => readFile(join(cli.home, 'run', name), 'utf8')
    try {
      const { pid, url } = JSON.parse(await read('instance.json')) as Pick<Status, 'pid' | 'url'>
      if (pid === before) return undefined
      const headers = { 'x-api-key': (await read('admin.key')).trim() }
      const report = await (await fetch(`${url}/api/generation`, { headers })).json()
      return { ...(report as Omit<Status, 'pid' | 'url'>), pid, url }
    } catch {
      // It is just ending, or starting.
      return undefined
    }
  })
}

async function ask(url: string, bad?: string): Promise<number> {
  const answer = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    body: JSON.stringify({ model: 'x', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }),
    headers: { 'content-type': 'application/json', ...(bad && { 'x-bad': bad }) },
  })
  await answer.text()
  return answer.status
}

test(
  'rows 125, 133 and 154: a blocked or ended router comes back, the third time in safe mode',
  { timeout: 120_000 },
  async () => {
    let router = await routerAfter(undefined)
    expect(await ask(router.url)).toBe(200)
    for (const bad of ['block', 'exit', 'exit']) {
      await expect(ask(router.url, bad)).rejects.toThrow()
      router = await routerAfter(router.pid)
      expect(await ask(router.url)).toBe(200)
    }
    const log = await readFile(join(cli.home, 'logs/supervisor.log'), 'utf8')
    expect(log).toMatch(/ended by being killed: it did not answer for 2000 ms; it is started again in 200 ms\n/)
    expect(log).toMatch(/ended by exit code 0; it is started again in 200 ms in safe mode\n/)

    expect(router.safeMode).toMatchObject({ leftOut: ['file:./bad.ts'], guards: [] })
    expect(router.safeMode!.suspect).toMatch(/^plugin 'bad' at .*bad\.ts:8:\d+ ended the process$/)
    expect(router.instances.map(({ id }) => id)).not.toContain('file:./bad.ts')
    expect(await ask(router.url, 'exit')).toBe(200)
    const status = (await cli.run(['status'])).stdout
    expect(status).toContain('SAFE MODE: it crashed 3 times within 60 s')
    expect(status).toContain("suspect: plugin 'bad' at")
    expect(await (await fetch(`${router.url}/health`)).json()).toMatchObject({ degraded: ['safe-mode'] })

    await writeFile(join(cli.home, 'bad.ts'), BAD.replaceAll('process.exit(0)', 'throw new Error()'))
    const mended = await eventually('the plugin is back', async () => {
      const found = await routerAfter(undefined)
      return found.safeMode ? undefined : found
    })
    expect(mended.pid).toBe(router.pid)
    expect(mended.instances.map(({ id }) => id)).toContain('file:./bad.ts')
    expect(await ask(mended.url, 'exit')).toBe(200)

    // Its supervisor counts anew: the next crash is the first.
    await expect(ask(mended.url, 'kill')).rejects.toThrow()
    const again = await routerAfter(mended.pid)
    expect(again.safeMode).toBeUndefined()
  },
)
