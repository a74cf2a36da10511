import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RouterConfig, Type } from '@ccr/sdk'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InstalledPlugin } from './installed.ts'
import { readConfig } from './read.ts'
import { misspeltKeys } from './section-keys.ts'

let home: string
beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'ccr-keys-'))))
afterEach(() => rm(home, { recursive: true, force: true }))

type Sections = InstalledPlugin['sections']

async function warnings(text: string, ...readers: Sections[]): Promise<readonly string[]> {
  await writeFile(join(home, 'config.json'), text)
  const found = misspeltKeys(await readConfig({ home, env: {} }), readers)
  return found.map((warning) => warning.replaceAll(`${home}/`, ''))
}

const mistake = (place: string, pointer: string, meant: string): string =>
  `config.json:${place}: ${pointer} is not read by any plugin in use. Did you mean ${meant}?`

describe('a misspelt key of a section', () => {
  const router = { Router: Type.Optional(RouterConfig) }

  it.each<[string, string[]]>([
    ['{ Router: { default: "a,m", backgroud: "a,m" } }', [mistake('1:40', '/Router/backgroud', 'background')]],
    [
      '{ Router: { longContextTreshold: 5 } }',
      [mistake('1:34', '/Router/longContextTreshold', 'longContextThreshold')],
    ],
    ['{ Router: { families: { opus: { thnik: "a,m" } } } }', [mistake('1:40', '/Router/families/opus/thnik', 'think')]],
    ['{ Router: { families: { thinc: { think: "a,m" } }, models: { defalt: "a,m" }, agents: { thinc: "a,m" } } }', []],
    ['{ Router: { myOwnRules: 1, vip: ["a,m"] } }', []],
    ['{ Router: { default: "a,m", think: "" } }', []],
    ['{ Other: { defalt: 1 } }', []],
  ])('%s', async (text, expected) => {
    expect(await warnings(text, router, router)).toEqual(expected)
  })

  it('is none where another plugin reads it, or may read any', async () => {
    const text = '{ Router: { backgroud: 1, list: [{ nmae: 1 }] } }'
    const list = Type.Array(Type.Object({ name: Type.Optional(Type.String()) }))
    expect(await warnings(text, router, { Router: Type.Object({ backgroud: Type.Integer(), list }) })).toEqual([
      mistake('1:42', '/Router/list/0/nmae', 'name'),
    ])
    expect(await warnings(text, router, { Router: Type.Record(Type.String(), Type.Unknown()) })).toEqual([])
  })
})
