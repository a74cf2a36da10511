import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRedactor, withoutHome } from './redact.ts'

describe('createRedactor', () => {
  it.each([
    ['the key is sk-CANARY0123456789abc!', 'the key is [secret]!'],
    ['Authorization: Bearer abcdefgh.ijkl', 'Authorization: Bearer [secret]'],
    ['AIzaSyA0123456789012345678901234567890', '[secret]'],
    ['task-0123456789abcdefghij', 'task-0123456789abcdefghij'],
    ['risk-free', 'risk-free'],
  ])('without known secrets: %s', (text, expected) => {
    expect(createRedactor([])(text)).toBe(expected)
  })

  it('finds a secret as it is, in JSON and in a URL', () => {
    const redact = createRedactor(['a "quoted" \\ one'])
    expect(redact('x a "quoted" \\ one y')).toBe('x [secret] y')
    expect(redact(JSON.stringify({ key: 'a "quoted" \\ one' }))).toBe('{"key":"[secret]"}')
    expect(redact('?key=a%20%22quoted%22%20%5C%20one')).toBe('?key=[secret]')
  })

  it('takes the longer of two secrets that begin alike', () => {
    expect(createRedactor(['secret', 'secret-and-more'])('secret-and-more')).toBe('[secret]')
  })

  it('leaves short values alone', () => {
    expect(createRedactor(['abc'])('abc')).toBe('abc')
  })

  it('leaves no known secret in any text', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ minLength: 6 }).filter((secret) => !'[secret]'.includes(secret)),
          { minLength: 1, maxLength: 5 },
        ),
        fc.array(fc.string(), { minLength: 2 }),
        (secrets, parts) => {
          const redacted = createRedactor(secrets)(parts.join(secrets[0]))
          for (const piece of redacted.split('[secret]'))
            expect(secrets.some((secret) => piece.includes(secret))).toBe(false)
        },
      ),
    )
  })

  it('takes linear time', () => {
    const redact = createRedactor(['0123456789'])
    const startedAt = performance.now()
    redact(`${'sk-'.repeat(500_000)} ${'Bearer '.repeat(100_000)} ${'012345678'.repeat(100_000)}`)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })
})

describe('withoutHome', () => {
  it.each([
    ['it failed at /users/me/own.js:3:5', 'it failed at ~/own.js:3:5'],
    ["'/users/me/a' and (/users/me/b)", "'~/a' and (~/b)"],
    ['/users/mean/a, /srv/users/me/a, /users/me.old/a', '/users/mean/a, /srv/users/me/a, /users/me.old/a'],
    ['at file:///users/me/own.js:3:5', 'at file://~/own.js:3:5'],
    ['nothing of the kind', 'nothing of the kind'],
  ])('of %s leaves %s', (text, expected) => {
    for (const home of ['/users/me', '/users/me/']) expect(withoutHome((same) => same, home)(text)).toBe(expected)
  })

  it('redacts what is left', () => {
    expect(withoutHome(createRedactor(['/users/me/secret']), '/users/me')('/users/me/secret')).toBe('[secret]')
  })

  it.each(['', '/'])('has nothing to do for the home "%s"', (home) => {
    expect(withoutHome((same) => same, home)('at /a/b')).toBe('at /a/b')
  })
})
