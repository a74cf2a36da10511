import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readStartRecord, removeStartRecord, toArguments, writeStartRecord } from './start-record.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ccr-start-record-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

test('a record is read as it was written, for its owner alone', async () => {
  const record = {
    instanceId: 'abc',
    options: { port: 0, config: '/a b/config.json' },
    supervisor: { pid: 12, start: '123' },
  }
  writeStartRecord(home, record)
  expect(readStartRecord(home)).toEqual(record)
  expect((await stat(join(home, 'run', 'start.json'))).mode & 0o777).toBe(0o600)
  expect(await readdir(join(home, 'run'))).toEqual(['start.json'])
})

test.each([
  '',
  '{',
  'null',
  '[]',
  '1',
  '{"instanceId":1,"options":{}}',
  '{"instanceId":"a"}',
  '{"instanceId":"a","options":null}',
])('what is no record (%s) is none', async (text) => {
  await mkdir(join(home, 'run'))
  await writeFile(join(home, 'run', 'start.json'), text)
  expect(readStartRecord(home)).toBeUndefined()
})

test('removing a record that is not there is no fault', () => {
  removeStartRecord(home)
  expect(readStartRecord(home)).toBeUndefined()
})

test('options become arguments', () => {
  expect(toArguments({})).toEqual([])
  expect(toArguments({ port: 0, host: '::1', config: '/c' })).toEqual([
    '--port',
    '0',
    '--host',
    '::1',
    '--config',
    '/c',
  ])
})
