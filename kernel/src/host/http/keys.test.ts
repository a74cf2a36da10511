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
    ['x-goog-api-key', 'data', ['X-Goog-Api-Key', DATA], undefined],
    ['a wrong x-goog-api-key', 'data', ['x-goog-api-key', 'wrong'], 401],
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

describe("the router's own header", () => {
  const own = ['x-ccr-key', DATA]

  it.each<[string, Access, string[], number | undefined]>([
    ['the key in it', 'data', own, undefined],
    ['the key in another spelling of it', 'data', ['X-Ccr-Key', DATA], undefined],
    ['a wrong key in it, the right one elsewhere', 'data', ['x-ccr-key', 'wrong', 'x-api-key', DATA], 401],
    ['it beside a token of the client', 'data', [...own, 'authorization', 'Bearer theirs'], undefined],
    ['it beside two keys of the client', 'data', [...own, 'authorization', 'a', 'x-api-key', 'b'], undefined],
    ['two of it that disagree', 'data', [...own, 'x-ccr-key', 'other'], 401],
    ['the admin key in it', 'data', ['x-ccr-key', ADMIN], 403],
    ['it on admin endpoints', 'admin', ['x-ccr-key', ADMIN], 401],
  ])('%s (%s)', (_name, access, headers, status) => {
    expect(keys.check(access, headers)?.status).toBe(status)
  })
})

describe('what is taken out of the headers', () => {
  const left = (from: Keys, headers: Record<string, string>): object => {
    from.takeOut(headers)
    return headers
  }

  it.each<[string, Keys, Record<string, string>, object]>([
    ['the key, as x-api-key', keys, { 'x-api-key': DATA, host: 'h' }, { host: 'h' }],
    ['the key, as authorization', keys, { authorization: `Bearer ${DATA}` }, {}],
    ['its own header alone', keys, { 'x-ccr-key': DATA, authorization: 'a' }, { authorization: 'a' }],
    ['the key everywhere', keys, { 'x-ccr-key': DATA, authorization: `bearer ${DATA}`, 'x-api-key': DATA }, {}],
    ['the admin key', keys, { 'x-ccr-key': DATA, 'x-api-key': ADMIN }, {}],
    ['nothing without a key', open, { authorization: 'a', 'x-api-key': 'b' }, { authorization: 'a', 'x-api-key': 'b' }],
    ['the admin key of a client without a key', open, { authorization: `Bearer ${ADMIN}` }, {}],
    ['its own header without a key', open, { 'x-ccr-key': 'x', 'x-api-key': 'b' }, { 'x-api-key': 'b' }],
  ])('is %s', (_name, from, headers, expected) => expect(left(from, headers)).toEqual(expected))
})
