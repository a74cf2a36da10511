import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCli, eventually, firstLine, urlIn, type Cli } from './cli-harness.ts'

let cli: Cli
beforeEach(async () => void (cli = await createCli()))
afterEach(() => cli.dispose(), 60_000)

test(
  'plugin dev runs a router when none does, tells what happens, and leaves nothing behind',
  { timeout: 120_000 },
  async () => {
    expect((await cli.run(['plugin', 'new', 'loud'])).code).toBe(0)
    const folder = join(cli.directory, 'loud')
    const file = join(folder, 'src/index.ts')
    const dev = cli.launch(['plugin', 'dev', 'loud', '--options', "{ word: 'demo', by: 'DEMO' }"])
    let output = ''
    dev.stdout.on('data', (text: Buffer) => (output += text.toString()))
    const url = urlIn(await firstLine(dev))
    const says = (pattern: RegExp) => eventually(`${pattern} in ${output}`, () => pattern.exec(output) ?? undefined)
    await says(/^\d\d:\d\d:\d\d loud is live in generation 2$/m)

    expect(await ask(url)).toContain('built-in DEMO model')
    await says(/ anthropic any → demo,demo \(by provider-demo\) 200 \d+ ms\n +transformStream ×1 in \d+\.\d ms\n/)

    const text = await readFile(file, 'utf8')
    await writeFile(file, `${text}let 1\n`)
    await says(/ not taken: .*index\.ts:19:5 .*\n +at .*index\.ts:19:5\n/)
    await writeFile(file, text.replace("'Replaces a word", "'Changes a word"))
    await says(/ loud is live in generation 3\n +manifest\.json renewed\n/)
    expect(await readFile(join(folder, 'manifest.json'), 'utf8')).toContain('Changes a word')

    await writeFile(file, failing(text))
    await says(/ loud is live in generation 4\n/)
    for (let call = 0; call < 3; call++) await ask(url)
    const fault = /, 1 failed\n +plugin 'loud' failed in transformStream: too loud\n +at .*index\.ts:\d+:9\n/
    await says(fault)
    await says(/ loud runs as it was before its last change: .*: too loud\n +at .*index\.ts:\d+:9\n/)
    expect(await ask(url)).toContain('built-in DEMO model')

    dev.kill('SIGINT')
    const [code] = (await once(dev, 'exit')) as [number | null]
    expect(code).toBe(0)
    await expect(fetch(url)).rejects.toThrow()
    expect(existsSync(join(cli.home, 'config.json'))).toBe(false)
  },
)

test(
  'plugin dev tells what its router runs without, and of a plugin that is called no more',
  { timeout: 60_000 },
  async () => {
    expect((await cli.run(['plugin', 'new', 'loud'])).code).toBe(0)
    const keyless = { name: 'keyless', api_base_url: 'http://127.0.0.1:9/', api_key: '$NOT_SET' }
    await cli.writeConfig({ PORT: 0, Providers: [keyless] })
    const file = join(cli.directory, 'loud/src/index.ts')
    const text = await readFile(file, 'utf8')
    await writeFile(file, failing(text))
    const dev = cli.launch(['plugin', 'dev', 'loud', '--options', "{ word: 'demo', by: 'DEMO' }"])
    let output = ''
    for (const stream of [dev.stdout, dev.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()))
    const url = urlIn(await firstLine(dev))
    const says = (pattern: RegExp) => eventually(`${pattern} in ${output}`, () => pattern.exec(output) ?? undefined)
    await says(/^ccr: provider keyless is disabled: .*NOT_SET/m)
    await says(/ loud is live in generation 2$/m)
    for (let call = 0; call < 3; call++) await ask(url)
    await says(/ loud is quarantined until it changes: .*: too loud\n +at .*index\.ts:\d+:9\n/)
    const logs = join(cli.home, 'logs')
    await eventually('the place in the log', async () => {
      const texts = await Promise.all((await readdir(logs)).map((name) => readFile(join(logs, name), 'utf8')))
      return /"at":"[^"]*index\.ts:\d+:9".*plugin 'loud' is quarantined: /.exec(texts.join('')) ?? undefined
    })
  },
)

/** The plugin, with a mistake that shows when it is called. */
function failing(text: string): string {
  const mistake = "function fail(): never {\n  throw new Error('too loud')\n}\n"
  return `${text.replace("stream.pipe('canonical', rewriteText(word, by))", 'fail()')}${mistake}`
}

async function ask(url: string): Promise<string> {
  const answer = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'any', max_tokens: 99, messages: [{ role: 'user', content: 'hi' }] }),
  })
  return answer.text()
}

test('plugin dev that another one takes the file from says so', async () => {
  await writeFile(join(cli.directory, 'x.ts'), 'export {}')
  const first = cli.launch(['plugin', 'dev', 'x.ts'])
  await firstLine(first)
  let said = ''
  first.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  await firstLine(cli.launch(['plugin', 'dev', 'x.ts']))
  const fact = 'it has ended, or another one uses the same file'
  await eventually(fact, () => said.includes(fact) || undefined)
})

test('plugin dev says what is wrong before it starts anything', async () => {
  const missing = await cli.run(['plugin', 'dev', 'nowhere'])
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('nowhere does not exist')])
  await writeFile(join(cli.directory, 'x.ts'), '')
  const options = await cli.run(['plugin', 'dev', 'x.ts', '--options', '[1]'])
  expect([options.code, options.stderr]).toEqual([1, expect.stringContaining('--options must be a JSON5 object')])
  expect(existsSync(cli.home)).toBe(false)
})
