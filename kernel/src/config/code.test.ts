import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { evaluateConfig } from './code.ts'

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ccr-code-')))
  await mkdir(join(folder, 'esm'))
  await write('esm/package.json', '{ "type": "module" }')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function write(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text)
  return join(folder, name)
}

const IMPORTS = `interface A {\n  a: 1\n}\nimport own from './own.ts'\nexport default { own }`
/** What a compiler leaves at the end of a file. */
function mapOf(map: object): string {
  const data = Buffer.from(JSON.stringify(map)).toString('base64')
  return `\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,${data}`
}
const ELSEWHERE = mapOf({ version: 3, sources: ['written.ts'], names: [], mappings: 'AAuCA' })
const LATER = 'type A = 1\nexport default later()\nasync function later() {\n  await null\n'

describe('evaluateConfig', () => {
  it.each([
    ['TypeScript', 'own.ts', (value: number) => `const value: number = ${value}\nexport default value`],
    ['a module', 'own.mjs', (value: number) => `export default ${value}`],
    ['a module by its package.json', 'esm/own.js', (value: number) => `export default ${value}`],
    ['CommonJS', 'own.cjs', (value: number) => `module.exports = ${value}`],
    ['CommonJS by its package.json', 'own.js', (value: number) => `module.exports = ${value}`],
    ['JSON', 'own.json', (value: number) => `[${value}]`],
  ])('reads %s anew, and names it', async (_, name, text) => {
    const file = await write('ccr.config.ts', `import own from './${name}'\nexport default { own: [own].flat()[0] }`)
    for (const value of [1, 2, 3]) {
      await write(name, text(value))
      const inputs = new Set<string>()
      expect(await evaluateConfig(file, inputs)).toEqual({ own: value })
      expect([...inputs]).toEqual(expect.arrayContaining([file, join(folder, name)]))
    }
  })

  it.each([
    ['own.ts', './own.ts', ''],
    ['own.ts', './own', ''],
    ['own.json', './own.json', 'export '],
    ['own.mjs', './own.mjs', ''],
  ])('names %s, which is missing or broken, when %s is imported', async (name, specifier, broken) => {
    const file = await write('ccr.config.ts', `import own from '${specifier}'\nexport default { own }`)
    if (broken !== '') await write(name, broken)
    const inputs = new Set<string>()
    await expect(evaluateConfig(file, inputs)).rejects.toThrow()
    expect([...inputs]).toContain(join(folder, name))
  })

  // The mark stands where the fault is.
  it.each([
    ['a syntax error', { 'ccr.config.ts': 'type A = {\n  a: 1\n}\nexport default { own: ^] }' }],
    ['one in a file that is imported', { 'ccr.config.ts': IMPORTS, 'own.ts': 'type A = 1\nexport default ^]' }],
    ['a throw', { 'ccr.config.ts': 'interface A {\n  a: 1\n}\n\nconst a: A = { a: 1 }; throw ^new Error(`${a}`)' }],
    ['one on the first line', { 'ccr.config.ts': 'const a: number = 1; throw ^new Error(`${a}`)' }],
    ['one of a file that is imported', { 'ccr.config.ts': IMPORTS, 'own.ts': 'type A = 1\nthrow ^new Error("no")' }],
    ['one of CommonJS', { 'ccr.config.ts': `const own = require('./own.cjs')`, 'own.cjs': '\nthrow ^new Error("no")' }],
    ['one of what was compiled', { 'ccr.config.ts': IMPORTS, 'own.ts': `throw ^new Error('no')${ELSEWHERE}` }],
    ['a late one', { 'ccr.config.ts': `${LATER}  const a: number = 1; throw ^new Error(\`\${a}\`)\n}` }],
    ['one of a library', { 'ccr.config.ts': `const a: string = '{'\nexport default JSON.^parse(a)` }],
    ['an import of what is not there', { 'ccr.config.ts': `type A = 1\n^import './none.ts'\nexport default {}` }],
  ])('tells the place of %s in the file as it was written', async (_what, files) => {
    const entries = Object.entries<string>(files)
    for (const [name, text] of entries) await write(name, text.replace('^', ''))
    const [name, text] = entries.at(-1)!
    const lines = text.slice(0, text.indexOf('^')).split('\n')
    const at = `${join(folder, name)}:${lines.length}:${lines.at(-1)!.length + 1}`
    await expect(evaluateConfig(join(folder, 'ccr.config.ts'), new Set())).rejects.toMatchObject({
      at,
      message: expect.stringContaining(`${at}: `) as string,
    })
  })

  it.each([
    ['broken, of what was compiled', `export default { a: 1 }${mapOf({})}`, { a: 1 }],
    ['in a text', `export default { a: \`${ELSEWHERE}\` }`, { a: ELSEWHERE }],
  ])('reads a file with a source map that is %s', async (_what, text, value) => {
    expect(await evaluateConfig(await write('ccr.config.ts', text), new Set())).toEqual(value)
  })

  it('awaits the default export, and says so to who awaits elsewhere', async () => {
    const file = await write('ccr.config.ts', 'export default Promise.resolve({ own: 1 })')
    expect(await evaluateConfig(file, new Set())).toEqual({ own: 1 })
    await write('ccr.config.ts', 'const own = await Promise.resolve(1)\nexport default { own }')
    await expect(evaluateConfig(file, new Set())).rejects.toMatchObject({
      code: 'CCR_CONFIG_READ',
      message: expect.stringContaining('export default followed by a promise') as unknown,
    })
  })

  it('keeps nothing of its files in the cache of Node', async () => {
    const { cache } = await import('node:module').then(({ createRequire }) => createRequire(import.meta.url))
    await write('own.cjs', 'module.exports = require("./own.json")')
    await write('own.json', '1')
    const file = await write('ccr.config.ts', "import own from './own.cjs'\nexport default { own }")
    await evaluateConfig(file, new Set())
    expect(Object.keys(cache).filter((path) => path.startsWith(folder))).toEqual([])
  })
})
