import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readClientSettings, readDrainMs } from './client-settings.ts'
import type { CommandContext } from './context.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ccr-client-settings-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

const contextOf = (env: NodeJS.ProcessEnv = {}): CommandContext => ({
  home,
  env,
  version: '0',
  print: () => undefined,
  complain: () => undefined,
})

test('no config leaves everything open', async () => {
  expect(await readClientSettings(contextOf(), undefined)).toEqual({
    apiKey: undefined,
    claudePath: undefined,
    apiTimeoutMs: undefined,
    nonInteractive: false,
    hints: {},
  })
  expect(await readDrainMs(contextOf(), undefined)).toBe(30_000)
})

test('the keys of the config are read, with variables filled in and comments allowed', async () => {
  await writeFile(
    join(home, 'config.json'),
    `{ // a comment
      APIKEY: '\${KEY}', CLAUDE_PATH: '/c', API_TIMEOUT_MS: '12', NON_INTERACTIVE_MODE: true,
      timeouts: { drain: 7 }, Router: { default: 'p,m' },
      Providers: [{ name: 'p', api_base_url: 'http://127.0.0.1:9', model_limits: { m: { context_window: 9 } } }],
    }`,
  )
  expect(await readClientSettings(contextOf({ KEY: 'k' }), undefined)).toEqual({
    apiKey: 'k',
    claudePath: '/c',
    apiTimeoutMs: 12,
    nonInteractive: true,
    hints: { contextTokens: 9 },
  })
  expect(await readDrainMs(contextOf({ KEY: 'k' }), undefined)).toBe(7)
})

test('another file may be named', async () => {
  const file = join(home, 'other.json')
  await writeFile(file, '{"CLAUDE_PATH":"/other"}')
  expect((await readClientSettings(contextOf(), file)).claudePath).toBe('/other')
})

test('a broken config stops what needs it, and not what can do without', async () => {
  await writeFile(join(home, 'config.json'), '{')
  await expect(readClientSettings(contextOf(), undefined)).rejects.toMatchObject({
    code: 'CCR_CONFIG_SYNTAX',
    at: expect.stringContaining('config.json:1:'),
  })
  expect(await readDrainMs(contextOf(), undefined)).toBeUndefined()
})
