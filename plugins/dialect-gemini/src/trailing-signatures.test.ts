import type { Message } from '@ccr/sdk'
import { expect, it } from 'vitest'
import { TextDigest, TrailingSignatures } from './trailing-signatures.ts'

const asked = (content: string) => (): readonly Message[] => [{ role: 'user', content }]

function digest(...pieces: readonly string[]): TextDigest {
  const text = new TextDigest()
  for (const piece of pieces) text.add(piece)
  return text
}

it('finds the signature of a text, however it was cut, for its provider and question alone', () => {
  const kept = new TrailingSignatures()
  kept.remember('google', asked('q'), digest('na\ud83d', '\udc69ïve'), 'S')
  expect(kept.find('google', asked('q'), 'na👩ïve')).toBe('S')
  expect(kept.find('vertex', asked('q'), 'na👩ïve')).toBeUndefined()
  expect(kept.find('google', asked('other'), 'na👩ïve')).toBeUndefined()
  expect(kept.find('google', asked('q'), 'na👩ive')).toBeUndefined()
})

it('finds it where marks for a cache have moved, and while another text of its length is forgotten', () => {
  const kept = new TrailingSignatures()
  const marked = (cache_control?: object) => (): readonly Message[] => [
    { role: 'user', content: [{ type: 'text', text: 'q', ...(cache_control && { cache_control }) }] },
  ]
  kept.remember('google', marked({ type: 'ephemeral' }), digest('one'), 'S1')
  kept.remember('google', marked(), digest('two'), 'S2')
  expect(kept.find('google', marked(), 'one')).toBe('S1')
  kept.remember('google', marked(), digest('two'), 'S3')
  expect([kept.find('google', marked(), 'one'), kept.find('google', marked(), 'two')]).toEqual(['S1', 'S3'])
  for (let at = 0; at < 999; at++) kept.remember('google', asked(String(at)), digest('longer'), 'S')
  expect([kept.find('google', marked(), 'one'), kept.find('google', marked(), 'two')]).toEqual([undefined, 'S3'])
})

it('keeps the newest, and no more than it may', () => {
  const kept = new TrailingSignatures()
  for (let at = 0; at < 1100; at++) kept.remember('google', asked(String(at)), digest('t'), `S${at}`)
  expect(kept.find('google', asked('99'), 't')).toBeUndefined()
  expect(kept.find('google', asked('100'), 't')).toBe('S100')
  kept.remember('google', asked('1099'), digest('t'), 'again')
  expect(kept.find('google', asked('1099'), 't')).toBe('again')
  for (let at = 0; at < 5; at++) kept.remember('google', asked(`large ${at}`), digest('t'), 'x'.repeat(1024 * 1024))
  expect(kept.find('google', asked('1099'), 't')).toBeUndefined()
  expect(kept.find('google', asked('large 4'), 't')).toHaveLength(1024 * 1024)
  kept.remember('google', asked('huge'), digest('t'), 'x'.repeat(5 * 1024 * 1024))
  expect(kept.find('google', asked('huge'), 't')).toBeUndefined()
  expect(kept.find('google', asked('large 4'), 't')).toHaveLength(1024 * 1024)
})
