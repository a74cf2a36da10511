import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { assemble } from './assemble.ts'

const homes: string[] = []
afterEach(async () => {
  for (const home of homes.splice(0)) await rm(home, { recursive: true })
})

async function assembled(config: object, env: Record<string, string> = {}) {
  const home = await mkdtemp(join(tmpdir(), 'ccr profiles-'))
  homes.push(home)
  await writeFile(join(home, 'config.json'), JSON.stringify(config, undefined, 2))
  return assemble({ home, env })
}

const provider = (name: string, more: object = {}) => ({
  name,
  api_base_url: 'http://127.0.0.1:9',
  api_key: 'sk-12345',
  ...more,
})

describe('profiles', () => {
  it('have what the config around them has, but for what they say themselves', async () => {
    const { blueprint, config } = await assembled({
      Providers: [provider('cloud')],
      Router: { default: 'cloud,large' },
      profiles: { office: { Router: { default: 'cloud,small' } }, home: { Providers: [provider('local')] } },
    })
    const { office, home } = blueprint.profiles!
    expect(office!.sections['Router']).toEqual({ default: 'cloud,small' })
    expect(office!.providers.map(({ name }) => name)).toEqual(['cloud'])
    expect(home!.sections['Router']).toEqual({ default: 'cloud,large' })
    expect(home!.providers.map(({ name }) => name)).toEqual(['local'])
    expect(blueprint.sections['Router']).toEqual({ default: 'cloud,large' })
    expect(office!.entries.map(({ id }) => id)).toEqual(blueprint.entries.map(({ id }) => id))
    expect(config.warnings).toEqual([])
  })

  it('add plugins behind those around them, or put them in the place of one', async () => {
    const { blueprint } = await assembled({
      plugins: [{ use: 'provider-demo', id: 'mine' }],
      profiles: {
        office: {
          plugins: [
            { use: 'provider-demo', enabled: false },
            { use: 'route-scenarios', id: 'own' },
          ],
        },
      },
    })
    const ids = blueprint.profiles!['office']!.entries.map(({ id }) => id)
    expect(ids.slice(-2)).toEqual(['mine', 'own'])
    expect(ids).not.toContain('provider-demo')
    expect(blueprint.entries.map(({ id }) => id)).not.toContain('own')
  })

  it('name what is wrong at its place, once', async () => {
    const { config } = await assembled({
      Providers: [provider('cloud', { api_key: '$ABSENT_KEY' })],
      profiles: {
        office: { Router: { default: 'x,y' } },
        home: { Providers: [provider('local', { api_key: '$OTHER_KEY' })] },
      },
    })
    expect(config.disabledProviders.map(({ name, at }) => [name, at.replace(/.*config.json/, '')])).toEqual([
      ['cloud', ':6:18'],
      ['local', ':20:22'],
    ])
  })

  it.each([
    [{ profiles: { office: { PORT: 1 } } }, /\/profiles\/office\/PORT belongs to the router as a whole/],
    [{ profiles: { default: {} } }, /\/profiles.* is not a known key|\/profiles/],
    [{ profiles: { 'a/b': {} } }, /\/profiles/],
    [{ profiles: { office: [] } }, /\/profiles\/office must be an object/],
    [{ profiles: { office: { Router: { default: 1 } } } }, /config.json:5:\d+: \/Router\/default must be text/],
    [{ Router: { default: 'gpt-4' } }, /config.json:3:\d+: \/Router\/default must be text .*"provider,model"/],
    [{ Router: { families: { opus: { think: 'o1' } } } }, /json:5:\d+: \/Router\/families\/opus\/think must be text/],
    [{ profiles: { office: { Router: { think: 'o1' } } } }, /json:5:\d+: \/Router\/think must be text/],
    [{ CUSTOM_ROUTER_PATH: 5 }, /:2:\d+: \/CUSTOM_ROUTER_PATH must be the path of a file\. /],
    [{ profiles: { office: { Providers: 5 } } }, /:4:\d+: \/profiles\/office\/Providers must be a list/],
    [{ profiles: { office: { plugins: 5 } } }, /\/profiles\/office\/plugins must be a list/],
    [{ profiles: { office: { plugins: [], Plugins: [] } } }, /Plugins says again what \/profiles\/office\/plugins/],
    [{ profiles: { office: { plugins: [{ use: '' }] } } }, /config.json:\d+:\d+: \/plugins\/0\/use must be/],
  ])('are refused as %j', async (config, message) => {
    await expect(assembled(config)).rejects.toThrow(message)
  })
})
