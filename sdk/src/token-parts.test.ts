import { describe, expect, it } from 'vitest'
import type { CanonicalRequest, ContentBlock } from './canonical.ts'
import { tokenParts } from './token-parts.ts'

const PAGE = '/Type /Page '
const pdf = (pages: number, bytes: number): ContentBlock => {
  const text = PAGE.repeat(pages).padEnd(bytes, '.')
  return { type: 'document', source: { type: 'base64', data: Buffer.from(text).toString('base64') } } as ContentBlock
}
const asked = (content: readonly ContentBlock[]): CanonicalRequest => ({
  model: 'm',
  messages: [{ role: 'user', content }],
})
const tokensOf = (content: readonly ContentBlock[]): readonly number[] =>
  [...tokenParts(asked(content))].flat().filter((part) => typeof part === 'number')

describe('the parts of a request', () => {
  it('come in lists of at most 256 blocks, in order', () => {
    const texts = Array.from({ length: 600 }, (_, at) => `text ${at}`)
    const lists = [...tokenParts(asked(texts.map((text) => ({ type: 'text', text }))))]
    expect(lists.map((list) => list.length).filter((length) => length > 0)).toEqual([256, 256, 88])
    expect(lists.flat()).toEqual(texts)
  })

  it('count the pages that a PDF shows, whole or at its beginning', () => {
    expect(tokensOf([pdf(3, 1000)])).toEqual([6000])
    const half = Buffer.from(PAGE.repeat(10).padEnd(384 * 1024, '.') + PAGE.repeat(40).padEnd(384 * 1024, '.'))
    const source = { type: 'base64', data: half.toString('base64') }
    expect(tokensOf([{ type: 'document', source } as ContentBlock])).toEqual([40_000])
  })

  it('judge files by their length once 384 KB of a request were looked through', () => {
    const large = pdf(1, 384 * 1024)
    expect(tokensOf([large, pdf(3, 1000), pdf(100, 480_000)])).toEqual([2000, 2000, 20_000])
    expect(tokensOf([pdf(3, 1000), large, pdf(100, 480_000)])).toEqual([6000, 4000, 20_000])
  })
})
