import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { HOOK_RULES } from '../kernel/src/core/tap.ts'
import { conformanceChecks } from '../sdk/src/testing/conformance/describe.ts'
import { apiText } from '../scripts/write-api.mjs'

/** Each symbol with its declaration, by entry. */
function symbolsOf(markdown: string): readonly (readonly [entry: string, symbol: string, code: string])[] {
  return markdown.split(/^## /m).flatMap((section) => {
    const entry = section.slice(0, section.indexOf('\n'))
    return section
      .split(/^### /m)
      .slice(1)
      .map((text) => [entry, text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n'))] as const)
  })
}

describe('the surface of the SDK', { timeout: 120_000 }, () => {
  const written = readFileSync(new URL('../sdk/api.md', import.meta.url), 'utf8')

  it('is what sdk/api.md says; after a change run `node scripts/write-api.mjs`', () => {
    expect(apiText()).toBe(written)
  })

  it('says of every symbol what it is', () => {
    const symbols = symbolsOf(written)
    expect(symbols.length).toBeGreaterThan(200)
    const silent = symbols.filter(
      ([, , code]) => !code.includes('As `typebox` exports it') && !/^```ts\n\/\*\*/m.test(code),
    )
    expect(silent.map(([entry, symbol]) => `${entry}: ${symbol}`)).toEqual([])
  })

  it('has every type of the SDK that another one extends', () => {
    const symbols = symbolsOf(written).filter(([entry]) => entry === '@ccr/sdk')
    const named = new Set(symbols.map(([, symbol]) => symbol))
    const extended = symbols.flatMap(([, , code]) => /^interface [^{\n]*? extends (\w+) \{$/m.exec(code)?.[1] ?? [])
    expect(extended.length).toBeGreaterThan(5)
    expect(extended.filter((name) => !named.has(name))).toEqual([])
  })

  it('shows examples as they stand in a file, and declarations without the word that exports them', () => {
    expect(written).toMatch(/^ \* export default defineRouter\(\{$/m)
    expect(written).not.toMatch(/^ \* default |^export /m)
  })
})

describe('docs/reference/plugin-api.md', () => {
  const text = readFileSync(new URL('../docs/reference/plugin-api.md', import.meta.url), 'utf8')
  const rows = text.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))

  it('gives the hooks their stages, deadlines and policies', () => {
    const told = rows.flatMap(([, hook = '', , , stages = '', deadline = '', failure = '']) => {
      const name = /^`(\w+)`$/.exec(hook)?.[1]
      if (name === undefined || !/^\d+ s$/.test(deadline)) return []
      const rule = { timeoutMs: Number.parseInt(deadline, 10) * 1000, onFailure: failure.replace(/:.*/, '') }
      return [[name, { ...rule, stages: [...stages.matchAll(/`(\w+)`/g)].map((match) => match[1]) }]]
    })
    const rules = Object.entries(HOOK_RULES).map(([name, { timeoutMs, onFailure, stages }]) => [
      name,
      { timeoutMs, onFailure, stages: stages.length > 1 ? stages : [] },
    ])
    expect(told).toEqual(rules)
  })

  it('names every member of the context, and every check', () => {
    const api = readFileSync(new URL('../sdk/api.md', import.meta.url), 'utf8')
    const membersOf = (name: string): string[] => {
      const body = new RegExp(`^interface ${name}\\b[^{]*\\{\\n([^]*?)^\\}`, 'm').exec(api)![1]!
      return [...body.matchAll(/^ {4}(?:readonly )?(\w+)[<(:?]/gm)].map((match) => match[1]!)
    }
    const members = [...membersOf('PluginContext'), ...membersOf('Facilities')]
    expect(members.length).toBeGreaterThan(15)
    const named = rows.flatMap(([, first = '']) => [...first.matchAll(/`(\w+)`/g)].map((match) => match[1]))
    expect(members.filter((member) => !named.includes(member))).toEqual([])
    const checks = conformanceChecks({} as never).map(({ name }) => name)
    expect(checks.filter((check) => !text.includes(`| ${check} |`))).toEqual([])
  })
})
