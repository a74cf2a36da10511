import type { PresetManifest as AuthorManifest } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSource } from '../source.ts'
import { checkManifest } from './manifest.ts'
import { presetNameFault } from './name.ts'
import type { PresetManifest } from './schema.ts'

const check = (manifest: object | string, sections?: readonly string[]): PresetManifest => {
  const text = typeof manifest === 'string' ? manifest : JSON.stringify(manifest, null, 1)
  return checkManifest(parseSource('p.json', text), sections && new Set(sections))
}
const preset = (more: object): object => ({ name: 'team', version: '1.0.0', ...more })
const provider = (more: object = {}): object => ({
  Providers: [{ name: 'ours', api_base_url: 'https://llm.example.com/v1', models: ['a'], ...more }],
})

describe('a preset manifest', () => {
  it('is what authors write with definePreset', () => {
    const manifest: AuthorManifest = {
      name: 'team',
      version: '1.0.0',
      keywords: ['work'],
      schema: [
        { id: 'key', type: 'password', label: 'API key' },
        {
          id: 'size',
          type: 'select',
          options: [{ label: 'L', value: 'l' }],
          when: { field: 'key', operator: 'exists' },
        },
        { id: 'model', type: 'select', options: { type: 'models', providerField: '#{size}' }, dependsOn: ['key'] },
        { id: 'many', type: 'number', min: 1, max: 9, defaultValue: 2, required: false, validator: '^\\d$' },
      ],
      template: { Router: { default: 'ours,{{size}}' } },
      configMappings: [{ target: 'Providers[0].api_key', value: '#{key}', when: [{ field: 'size', value: 'l' }] }],
      plugins: [{ name: '@acme/x', version: '1.2.3', integrity: `sha512-${'a'.repeat(86)}==` }],
      Providers: [{ name: 'ours', api_base_url: 'https://llm.example.com/v1', api_key: 'Bearer #{key}' }],
      Router: { default: 'ours,a' },
      NON_INTERACTIVE_MODE: true,
    }
    expect(check(manifest, [])).toEqual(manifest)
  })

  it.each(['StatusLine', 'fallback'])('takes %s only where an installed plugin reads it', (key) => {
    const manifest = preset({ ...provider(), [key]: { default: ['ours,a'] } })
    expect(check(manifest, [key])).toEqual(manifest)
    expect(() => check(manifest, [])).toThrow(`/${key} is not a key of version 1 of the preset format`)
  })

  it('takes null for absent in what becomes config, as a config does, and nowhere else', () => {
    const config = {
      Router: { default: 'ours,a', image: null },
      fallback: null,
      plugins: null,
      template: { Router: { think: null } },
    }
    const when = { field: 'k', operator: 'ne', value: null }
    const schema = [{ id: 'k' }, { id: 'size', when }]
    expect(check(preset({ ...provider({ headers: null }), ...config, schema }))).toEqual(
      preset({ ...provider(), Router: { default: 'ours,a' }, template: { Router: {} }, schema }),
    )
    expect(() => check(preset({ author: null }))).toThrow(/\/author must be text/)
  })

  it.each([
    ['a key in clear', provider({ api_key: 'sk-1' }), '/Providers/0/api_key', /holds a key/],
    ['a key around a placeholder', provider({ api_key: 'sk-#{x}' }), '/Providers/0/api_key', /holds a key/],
    ['the credentials of every client', provider({ api_key: 'passthrough' }), '/Providers/0/api_key', /holds a key/],
    ['a key in a URL', provider({ api_base_url: 'https://u:p@x/' }), '/Providers/0/api_base_url', /credentials/],
    ['a key in a query', provider({ api_base_url: 'https://x/?api_key=1' }), '/Providers/0/api_base_url', /credential/],
    ['a default for a password', { schema: [{ id: 'k', type: 'password', defaultValue: 'x' }] }, '/schema/0/d', /key/],
    ['a script', { StatusLine: { modules: [{ scriptPath: 'x.js' }] } }, '/StatusLine/modules/0/scriptPath', /file/],
    ['a command', { StatusLine: { command: 'x' } }, '/StatusLine/command', /file or command/],
    ['transformers by path', { transformers: [{ path: 'x.js' }] }, '/transformers', /file or command/],
    ['the options of such', { template: { transformers: [{ options: {} }] } }, '/template/transformers', /file/],
    ['a transformer by path', provider({ transformer: { use: ['file:./x.js'] } }), '/Providers/0/transformer', /file/],
    ['a custom router', { CUSTOM_ROUTER_PATH: 'x' }, '/CUSTOM_ROUTER_PATH', /file or command/],
    ['a file of instructions', { REWRITE_SYSTEM_PROMPT: 'notes.md' }, '/REWRITE_SYSTEM_PROMPT', /file or command/],
    ['a file by its field', provider({ tokenizerFile: 'x.json' }), '/Providers/0/tokenizerFile', /file or command/],
    ['a folder by its field', { Own: { cache_dir: 'x' } }, '/Own/cache_dir', /file or command/],
    ['the same in a template', { template: { CUSTOM_ROUTER_PATH: 'x' } }, '/template/CUSTOM_ROUTER_PATH', /file/],
    ['a mapping to one', { configMappings: [{ target: 'A[0].scriptPath', value: 1 }] }, '/configMappings/0/t', /file/],
    ['an input that is one', { schema: [{ id: 'A.scriptPath' }] }, '/schema/0/id', /file/],
    ['an absolute path', { Own: { place: '/etc/passwd' } }, '/Own/place', /names a file/],
    ['a path from the home', { Own: ['~/x'] }, '/Own/0', /names a file/],
    ['a relative path', { Own: ['../x'] }, '/Own/0', /names a file/],
    ['a file URL', { Router: { default: 'file:./x.ts' } }, '/Router/default', /names a file/],
    ['a Windows path', { Own: ['C:\\x'] }, '/Own/0', /names a file/],
    ['$HOME', { Own: ['$HOME'] }, '/Own/0', /environment variable/],
    ['${PATH}', { Router: { default: '${PATH}' } }, '/Router/default', /environment variable/],
    ['a variable in a mapping', { configMappings: [{ target: 'Own', value: ['$A'] }] }, '/configMappings/0/v', /env/],
    ['a variable as a default', { schema: [{ id: 'a', defaultValue: '$A' }] }, '/schema/0/defaultValue', /environment/],
    [
      'a variable to choose',
      { schema: [{ id: 'a', type: 'select', options: [{ label: 'Fast', value: '$OTHER_API_KEY' }] }] },
      '/schema/0/options/0/value',
      /environment/,
    ],
    [
      'a file to choose',
      {
        schema: [
          { id: 'a', type: 'multiselect', options: { type: 'static', options: [{ label: 'x', value: '/etc/x' }] } },
        ],
      },
      '/schema/0/options/options/0/value',
      /names a file/,
    ],
    ['an id that every object has', { schema: [{ id: 'toString' }] }, '/schema/0/id', /every object/],
    ['HOST', { HOST: '0.0.0.0' }, '/HOST', /belongs to the router/],
    ['PORT in a template', { template: { PORT: 1 } }, '/template/PORT', /belongs to the router/],
    ['APIKEY by a mapping', { configMappings: [{ target: 'APIKEY', value: 'x' }] }, '/configMappings/0/t', /belongs/],
    ['APIKEY by an input', { schema: [{ id: 'APIKEY[0]' }] }, '/schema/0/id', /belongs to the router/],
    ['a proxy', { PROXY_URL: 'http://evil' }, '/PROXY_URL', /belongs to the router/],
    ['profiles', { profiles: {} }, '/profiles', /belongs to the router/],
    ['other presets', { extends: ['x'] }, '/extends', /belongs to the router/],
    ['plugins by name alone', { plugins: ['x'] }, '/plugins/0', /must be an object/],
    ['plugins without integrity', { plugins: [{ name: 'x', version: '1.0.0' }] }, '/plugins/0', /lacks integrity/],
    ['plugins by range', { plugins: [{ name: 'x', version: '^1', integrity: 'x' }] }, '/plugins/0/version', /exact/],
    ['plugins by path', { plugins: [{ name: '../x', version: '1.0.0', integrity: 'x' }] }, '/plugins/0/name', /name/],
    ['answers', { userValues: {} }, '/userValues', /your own belong into the config, as presets\.<name>/],
    ['constructor', { Own: { constructor: 1 } }, '/Own/constructor', /never accepted/],
    [
      'prototype by a mapping',
      { configMappings: [{ target: 'A.prototype.b', value: 1 }] },
      '/configMappings/0/t',
      /nev/,
    ],
    ['an input of no type', { schema: [{ id: 'a', type: 'code' }] }, '/schema/0/type', /must be one of/],
    ['two inputs of one id', { schema: [{ id: 'a' }, { id: 'a' }] }, '/schema/1/id', /input before/],
    ['a pattern that is none', { schema: [{ id: 'a', validator: '(' }] }, '/schema/0/validator', /regular expression/],
    ['a placeholder of no input', { Router: { default: '#{x}' } }, '/Router/default', /no input/],
    ['a condition on no input', { schema: [{ id: 'a', when: { field: 'b' } }] }, '/schema/0/when', /no input/],
    ['a choice without options', { schema: [{ id: 'a', type: 'select' }] }, '/schema/0', /without options/],
  ])('S15, row 139: is refused with its place for %s', (_, more, pointer, message) => {
    const found = (() => {
      try {
        return check(preset(more))
      } catch (thrown) {
        return thrown as Error
      }
    })()
    expect(found).toMatchObject({ code: 'CCR_PRESET_INVALID', message: expect.stringMatching(message) as string })
    expect((found as Error).message).toContain(` ${pointer}`)
    expect((found as { at?: string }).at).toMatch(/^p\.json:\d+:\d+$/)
  })

  it('tells a fault without what would move the cursor', () => {
    expect(() => check(preset({ 'Own\u001b[2J': 1 }), [])).toThrow(/^[^\u001b]*\/Own\?\[2J is not a key/)
  })

  it('S19, row 139: __proto__ is refused wherever it stands, and pollutes nothing', () => {
    for (const text of ['{"__proto__":{"isAdmin":true}}', '{"name":"a","Own":[{"__proto__":{"isAdmin":true}}]}']) {
      expect(() => check(text)).toThrow(/__proto__ is a key that is never accepted/)
    }
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })

  it('row 144: a newer format is refused by the names of both versions, before anything else is looked at', () => {
    expect(() => check({ schemaVersion: 2, other: { things: 1 } })).toThrow(/says version 2.*reads version 1/)
  })

  it('row 144: an unknown key is refused, with the nearest known one', () => {
    expect(() => check(preset({ Routr: {} }), ['Own'])).toThrow(/\/Routr is not a key of version 1.*Router/)
    expect(check(preset({ Own: { profile: 'x' } }), ['Own'])).toMatchObject({ Own: { profile: 'x' } })
    expect(() => check(preset({ schema: [{ id: 'a', kind: 'x' }] }))).toThrow(/\/schema\/0\/kind is not a known key/)
  })

  it.each(['{', '[]', '"x"', '{ "name": 5, "version": "1" }', '{ "version": "1" }', 'nul\0'])(
    'what is no manifest is refused: %s',
    (text) => {
      expect(() => check(text)).toThrow()
    },
  )
})

describe('the name of a preset', () => {
  it.each([
    '../x',
    '..',
    '.x',
    'a/b',
    'a\\b',
    'CON',
    'nul.json',
    'com1',
    'a'.repeat(300),
    'tеam',
    'a b',
    '',
    'x.',
    'a..b',
    'constructor',
    'toString',
    'hasOwnProperty',
  ])('row 140: %j is refused', (name) => {
    expect(presetNameFault(name)).toBeTypeOf('string')
    expect(() => check({ name, version: '1' })).toThrow()
  })

  it.each(['default', 'Default'])('row 140: %s is that of the config itself', (name) => {
    expect(presetNameFault(name)).toMatch(/config itself/)
  })

  it('row 140: any that is accepted is one plain part of a path', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '/', '\\', '.', '\0', ':', '~', 'é', '-', 'N', '1') }),
        (name) => {
          fc.pre(presetNameFault(name) === undefined)
          expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
          expect(name.split('.')).not.toContain('..')
        },
      ),
    )
    for (const name of ['a', 'team', 'my-team_2', 'v1.2', 'A'.repeat(64)]) expect(presetNameFault(name)).toBeUndefined()
  })
})
