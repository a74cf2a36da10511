import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Keys, type Access } from './keys.ts'

const DATA = 'data-key-0123456789abcdef'
const ADMIN = 'admin-key-0123456789abcdef'
const keys = new Keys({ dataKey: DATA, adminKey: ADMIN })
const open = new Keys({ dataKey: undefined, adminKey: ADMIN })

describe('with a data key', () => {
  it.each<[string, Access, string[], number | undefined]>([
    ['nothing on a public endpoint', 'public', [], undefined],
    ['no key', 'data', [], 401],
    ['a bearer key', 'data', ['Authorization', `Bearer ${DATA}`], undefined],
    ['another spelling of bearer', 'data', ['authorization', `bEARER   ${DATA}`], undefined],
    ['a raw authorization', 'data', ['Authorization', DATA], undefined],
    ['x-api-key', 'data', ['X-Api-Key', DATA], undefined],
    ['a wrong key', 'data', ['x-api-key', 'wrong'], 401],
    ['the key and a suffix', 'data', ['x-api-key', `${DATA}x`], 401],
    ['a prefix of the key', 'data', ['x-api-key', DATA.slice(0, -1)], 401],
    ['an empty key', 'data', ['x-api-key', ''], 401],
    ['both headers, equal', 'data', ['x-api-key', DATA, 'authorization', `Bearer ${DATA}`], undefined],
    ['both headers, one wrong', 'data', ['x-api-key', DATA, 'authorization', 'Bearer other'], 401],
    ['one header twice, one wrong', 'data', ['x-api-key', DATA, 'x-api-key', 'other'], 401],
    ['the admin key', 'data', ['x-api-key', ADMIN], 403],
    ['the data key on admin endpoints', 'admin', ['x-api-key', DATA], 403],
    ['the admin key on admin endpoints', 'admin', ['x-api-key', ADMIN], undefined],
    ['a wrong key on admin endpoints', 'admin', ['x-api-key', 'wrong'], 401],
    ['no key on admin endpoints', 'admin', [], 401],
  ])('%s (%s)', (_name, access, headers, status) => {
    expect(keys.check(access, headers)?.status).toBe(status)
  })

  it('refuses any other key', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom<Access>('data', 'admin'), (key, access) => {
        fc.pre(key !== DATA && key !== ADMIN)
        expect(keys.check(access, ['x-api-key', key])?.status).toBe(401)
      }),
    )
  })
})

describe('without a data key', () => {
  it.each<[string, Access, string[], number | undefined]>([
    ['no key', 'data', [], undefined],
    ['any key', 'data', ['authorization', 'Bearer whatever'], undefined],
    ['no key on admin endpoints', 'admin', [], 401],
    ['any key on admin endpoints', 'admin', ['x-api-key', 'whatever'], 401],
  ])('%s (%s)', (_name, access, headers, status) => {
    expect(open.check(access, headers)?.status).toBe(status)
  })
})
