import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { testPlugin } from './report.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'ccr-conformance-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  return file
}

const PLUGIN = `import { definePlugin, Type } from '@ccr/sdk'
const options = Type.Object(
  { rpm: Type.Integer({ minimum: 1, default: 1, description: 'Requests per minute.' }) },
  { additionalProperties: false },
)
export default definePlugin({ name: 'probe', apiVersion: 1, description: 'A probe.', options, activate() {} })
`

async function run(path: string, json = false): Promise<{ passed: boolean; lines: string[] }> {
  const lines: string[] = []
  const passed = await testPlugin(path, { json, print: (line) => void lines.push(line) })
  return { passed, lines }
}

describe('testPlugin', { timeout: 20_000 }, () => {
  it('prints a line for each check of a package, with the cases beside its entry', async () => {
    await write('src/index.ts', PLUGIN)
    await write(
      'src/conformance.ts',
      `import { fixtures, type ConformanceCases } from '@ccr/sdk/testing'
      const cases: ConformanceCases = {
        valid: [{ rpm: fixtures.answer().length }],
        invalid: [{ options: { rpm: 0 }, pointer: '/rpm' }],
      }
      export default cases`,
    )
    const { passed, lines } = await run(folder)
    expect(lines).toHaveLength(11)
    expect(lines.slice(0, 10).filter((line) => !line.startsWith('ok      '))).toEqual([])
    expect(lines[10]).toBe('probe passes all 10 checks')
    expect(passed).toBe(true)
  })

  it('says of a file what fails and why, and what could not be checked', async () => {
    const file = await write('probe.ts', PLUGIN.replace('activate() {}', `activate() { throw new Error('boo') }`))
    await write('conformance.json', '{ "invalid": [{ "options": { "rpm": 0 }, "pointer": "/other" }] }')
    const { passed, lines } = await run(file)
    expect(passed).toBe(false)
    expect(lines[1]).toMatch(/^not ok {2}its options are accepted .*: the invalid options \{"rpm":0\} are refused, but/)
    expect(lines[2]).toMatch(/^not ok {2}it activates in time, without a network: .*boo/)
    expect(lines[3]).toBe('skipped it registers what it declares: another check says why')
    expect(lines.at(-1)).toBe('2 of 10 checks failed')
  })

  it.each([
    ['nothing there', 'absent.ts', /absent\.ts does not exist/],
    ['code that does not build', 'broken.ts', /broken\.ts:1:\d+ cannot be built/],
    ['cases that are none', 'probe.ts', /conformance\.ts exports no cases. End it with: export default/],
  ])('tells of %s', async (_, name, reason) => {
    await write('broken.ts', 'const = 1')
    await write('probe.ts', PLUGIN)
    await write('conformance.ts', 'export default 1')
    const { passed, lines } = await run(join(folder, name), true)
    expect(passed).toBe(false)
    const report = JSON.parse(lines.join('')) as { passed: boolean; checks: { reason: string }[] }
    expect(report).toMatchObject({ passed: false, checks: [{ check: 'it can be loaded', result: 'failed' }] })
    expect(report.checks[0]!.reason).toMatch(reason)
  })
})
