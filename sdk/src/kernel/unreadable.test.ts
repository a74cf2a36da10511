import { describe, expect, it } from 'vitest'
import type { TargetDialect } from '../dialect.ts'
import { describeUnreadable, readRefusal } from './unreadable.ts'

const SECRET = 'sk-0123456789'
const redact = (text: string): string => text.replaceAll(SECRET, '***')
const told = (text: string, url = 'https://h.test/v1/x'): string => describeUnreadable(url, text, redact)

describe('the description of an answer that cannot be read', () => {
  it.each([
    ['of text', ' no\r\n\tbackend\u0000 ', ': no backend'],
    ['of nothing', ' \n', ''],
    ['of a page', '<html><head><title>A</title><script>if (a<b) x()</script></head><p>B<br>C</p>', ': A B C'],
    ['of a page that is cut in a tag', '<!doctype html><b>A</b><a href="x', ': A'],
    ['of text that has a sign of its own', '< 3 of 4 nodes are up', ': < 3 of 4 nodes are up'],
    ['of 200 characters', 'y'.repeat(200), `: ${'y'.repeat(200)}`],
    ['of more', 'y'.repeat(201), `: ${'y'.repeat(200)}…`],
  ])('%s', (_, text, says) => {
    expect(told(text)).toBe(`at https://h.test/v1/x${says}`)
  })

  it.each([0, 100, 195, 16_375])('holds no half of a secret that begins at %d', (at) => {
    const before = at > 200 ? ' '.repeat(at - 3) : 'z'.repeat(at)
    const page = `<p>${before}${SECRET} ${'tail '.repeat(99)}`
    expect(told(page)).not.toContain('sk-0')
  })

  it('takes a time that grows with the text, whatever its words', () => {
    // As a regular expression looks for the last word, this would take minutes.
    const page = `${'a'.repeat(16_383)} ${'b'.repeat(40_000)}`
    for (let count = 0; count < 2_000; count++) expect(told(page)).toHaveLength(225)
  })

  it('leaves out what an address may hold beside its path', () => {
    expect(told('x', `https://user:${SECRET}@h.test/v1/${SECRET}?key=other#f`)).toBe('at https://h.test/v1/***: x')
  })

  it('takes no longer for a page that is all tags', () => {
    expect(told('<'.repeat(4_000_000))).toMatch(/^at /)
    expect(told(`<script>${'<!--'.repeat(1_000_000)}`)).toBe('at https://h.test/v1/x')
  })
})

describe('the body of an error answer', () => {
  const read = (body: string, error: TargetDialect['error']) =>
    readRefusal(Buffer.from(body), { error } as TargetDialect, 'https://h.test/v1', redact)

  it("is the dialect's to read, and described where that finds nothing", () => {
    const error = (body: unknown) => ((body as { m?: string }).m === undefined ? undefined : { message: 'said' })
    expect(read('{"m":"x"}', error)).toEqual({ said: { message: 'said' }, unread: undefined })
    expect(read('\uFEFF{"m":"x"}', error)).toEqual({ said: { message: 'said' }, unread: undefined })
    expect(read('{"n":"x"}', error)).toEqual({ said: undefined, unread: 'at https://h.test/v1: {"n":"x"}' })
    expect(read('plain', (body) => ({ message: body as string }))).toEqual({
      said: { message: 'plain' },
      unread: 'at https://h.test/v1: plain',
    })
  })

  it('is described where its dialect throws', () => {
    const broken = (): never => {
      throw new Error('broken')
    }
    expect(read('null', broken)).toEqual({ said: undefined, unread: 'at https://h.test/v1: null' })
  })
})
