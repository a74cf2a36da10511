import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { checkPackageName, formatSource, lookAlike, parseSource, type Source } from './source.ts'

const folder = mkdtempSync(join(tmpdir(), 'ccr-source-'))
mkdirSync(join(folder, 'copy'))
writeFileSync(join(folder, 'a.tgz'), '')
writeFileSync(join(folder, 'a.ts'), '')
afterAll(() => rmSync(folder, { recursive: true }))

describe('what a user writes', () => {
  test.each<[string, Source]>([
    ['shout', { type: 'npm', name: 'shout', range: 'latest' }],
    ['npm:shout@^1.2.0', { type: 'npm', name: 'shout', range: '^1.2.0' }],
    ['@acme/shout@next', { type: 'npm', name: '@acme/shout', range: 'next' }],
    ['git+https://host/a/b#v1', { type: 'git', url: 'git+https://host/a/b', ref: 'v1' }],
    ['https://host/a/b.git', { type: 'git', url: 'git+https://host/a/b.git', ref: undefined }],
    ['git+ssh://git@host/a/b.git#main', { type: 'git', url: 'git+ssh://git@host/a/b.git', ref: 'main' }],
    ['https://host/a.tgz', { type: 'url', url: 'https://host/a.tgz' }],
    ['./a.tgz', { type: 'archive', file: join(folder, 'a.tgz') }],
    ['a.tgz', { type: 'archive', file: join(folder, 'a.tgz') }],
    ['file:copy', { type: 'folder', folder: join(folder, 'copy') }],
    ['./copy', { type: 'folder', folder: join(folder, 'copy') }],
  ])('%s is understood, also as it is written down', (text, source) => {
    expect(parseSource(text, folder)).toEqual(source)
    expect(parseSource(formatSource(source), '/')).toEqual(source)
  })

  test.each([
    '',
    '--registry=http://evil',
    'shout@git+ssh://host/x',
    'shout@file:../x',
    'shout@npm:other@1',
    'Shout',
    'sh\u043eut',
    '../shout',
    './gone',
    './a.ts',
    'ftp://host/a.tgz',
    'git+ext::sh -c touch% marker',
    'git+https://user:secret@host/a.git',
    'git+https://host/a.git#--upload-pack=touch',
    'javascript:alert(1)',
    'a\nb',
  ])('%j is refused', (text) => {
    expect(() => parseSource(text, folder)).toThrow(expect.objectContaining({ code: 'CCR_INSTALL_SOURCE' }))
  })
})

describe('row 140: names of packages', () => {
  test.each([
    '../x',
    'a/../b',
    '@a/..',
    '.hidden',
    '_x',
    'con',
    '@x/nul',
    'com1.js',
    'x'.repeat(215),
    'x y',
    'x\\y',
    '@/x',
  ])('%j is refused', (name) => {
    expect(() => checkPackageName(name)).toThrow(expect.objectContaining({ code: 'CCR_INSTALL_SOURCE' }))
  })

  test('any name that is taken stays inside the folder that it is put in', () => {
    const text = fc.oneof(fc.string({ maxLength: 20 }), fc.stringMatching(/^[@a-z0-9./_-]{1,12}$/))
    fc.assert(
      fc.property(text, (name) => {
        let taken: string
        try {
          taken = checkPackageName(name)
        } catch {
          return
        }
        const path = join('/store', ...taken.split('/'))
        expect(path.startsWith('/store/')).toBe(true)
        expect(path.split('/').length).toBe(taken.startsWith('@') ? 4 : 3)
      }),
    )
  })
})

describe('names that can be mistaken', () => {
  test.each([
    ['dialect-opena1', 'dialect-openai'],
    ['dialect-0penai', 'dialect-openai'],
    ['dialect_openai', 'dialect-openai'],
    ['dialect-openia', 'dialect-openai'],
    ['@evil/plugin-dialect-openai', 'dialect-openai'],
    ['rnistral-tools', 'mistral-tools'],
  ])('%s looks like %s', (name, known) => {
    expect(lookAlike(name, ['provider-demo', known])).toBe(known)
  })

  test.each(['shout', 'dialect-cohere', 'provider-mine', 'dialect-openai'])('%s does not', (name) => {
    expect(lookAlike(name, ['provider-demo', 'dialect-openai', 'dialect-anthropic'])).toBeUndefined()
  })
})
