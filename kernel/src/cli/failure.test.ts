import { CcrError } from '@ccr/sdk'
import { expect, test } from 'vitest'
import { describeFailure } from './failure.ts'
import { openFilesFault } from './open-files.ts'

const system = (code: string, path?: string, syscall = 'mkdir'): Error =>
  Object.assign(new Error(`${code}: no`), { code, path, syscall })

test.each([
  ['EACCES', '/me/run', '/me/run cannot be used: permission is denied. Give your user the right to'],
  ['EROFS', '/me', '/me cannot be used: its disk is read-only. Make it writable'],
  ['ENOENT', '/me/run', '/me/run cannot be used: it cannot be made, as on a read-only disk. Make its folder writable'],
  ['EEXIST', '/me', '/me cannot be used: a file is where a folder should be. Move it'],
  ['ENOSPC', undefined, 'no room is left on the disk of /me. Make some'],
])('what keeps the home from being written is told with a remedy: %s at %s', (code, path, text) => {
  const line = `ccr: ${text}, or name another folder with CCR_HOME.`
  expect(describeFailure(system(code, path), '/me')).toEqual({ lines: [line], exitCode: 1 })
})

test('a folder above the home that cannot be made keeps the home from being written too', () => {
  const [line] = describeFailure(system('EACCES', '/nobody'), '/nobody/ccr').lines
  expect(line).toContain('ccr: /nobody cannot be used: permission is denied. Give your user the right to, or name')
  expect(describeFailure(system('EACCES', '/nobody', 'open'), '/nobody/ccr').lines).toEqual(['ccr: EACCES: no'])
})

test('the file that could not take its place is named, not the one that was to become it', () => {
  const thrown = Object.assign(system('EISDIR', '/me/run/admin.key.12.tmp', 'rename'), { dest: '/me/run/admin.key' })
  const [line] = describeFailure(thrown, '/me').lines
  expect(line).toContain('ccr: /me/run/admin.key cannot be used: a folder is where a file should be. Move it, or')
})

test('what fails for want of open files is told as that, a package that Node cannot open too', () => {
  const fact = 'this process may not open as many files as it needs (64): '
  const remedy = '. Raise the limit with `ulimit -n`.'
  const lost = Object.assign(new Error("Cannot find package 'a'"), { code: 'ERR_MODULE_NOT_FOUND' })
  expect(openFilesFault(lost, () => 64)).toBe(`${fact}Cannot find package 'a'${remedy}`)
  expect(openFilesFault(system('EMFILE', '/a.js', 'open'), () => 64)).toBe(`${fact}EMFILE: no${remedy}`)
  for (const limit of [1024, undefined]) expect(openFilesFault(lost, () => limit)).toBeUndefined()
  expect(openFilesFault(system('ENOENT', '/a.js', 'open'), () => 64)).toBeUndefined()
  expect(describeFailure(system('EMFILE', '/me/a', 'open'), '/me').lines[0]).toMatch(/^ccr: this process may not open/)
})

test('what cannot be written elsewhere, or is not there, has nothing to do with the home', () => {
  expect(describeFailure(system('EACCES', '/message'), '/me').lines).toEqual(['ccr: EACCES: no'])
  expect(describeFailure(system('ENOENT', '/me/a', 'open'), '/me').lines).toEqual(['ccr: ENOENT: no'])
})

test.each([
  [
    'a config fault',
    new CcrError('CCR_CONFIG_SYNTAX', 'bad', { at: '/c.json:1:2' }),
    ['ccr: bad', '  at /c.json:1:2'],
    78,
  ],
  [
    'a fault that says its place itself',
    new CcrError('CCR_CONFIG_SCHEMA', '/c.json:1:2: /LOG must be true', { at: '/c.json:1:2' }),
    ['ccr: /c.json:1:2: /LOG must be true'],
    78,
  ],
  ['a plugin that does not activate', new CcrError('CCR_PLUGIN_ACTIVATE', 'threw'), ['ccr: threw'], 78],
  ['an address without a key', new CcrError('CCR_HOST_BIND', 'no key'), ['ccr: no key'], 78],
  [
    'an entry of an unknown plugin',
    new CcrError('CCR_PLUGIN_UNKNOWN', 'none', { at: '/c.json:1:2' }),
    ['ccr: none', '  at /c.json:1:2'],
    78,
  ],
  ['an argument that names no plugin', new CcrError('CCR_PLUGIN_UNKNOWN', 'there is none'), ['ccr: there is none'], 1],
  ['a config that no command may change', new CcrError('CCR_CONFIG_EDIT', 'locked'), ['ccr: locked'], 1],
  ['a config that does not come to rest', new CcrError('CCR_CONFIG_STALE', 'again'), ['ccr: again'], 1],
  ['an address in use', new CcrError('CCR_HOST_LISTEN', 'port 1 is in use'), ['ccr: port 1 is in use'], 1],
  [
    'an error of the system',
    Object.assign(new Error('EACCES: denied'), { code: 'EACCES' }),
    ['ccr: EACCES: denied'],
    1,
  ],
  ['what is no error', 'text', ['ccr: text'], 1],
  ['nothing', undefined, ['ccr: undefined'], 1],
])('%s', (_name, thrown, lines, exitCode) => {
  expect(describeFailure(thrown, '/me')).toEqual({ lines, exitCode })
})
