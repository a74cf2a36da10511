import { signReasoning, type ThinkingBlock } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { FAMILY, readCarried, sign, signatureOf, unwrapSignature, wrapSignature } from './signatures.ts'

const thinking = (signature: string): ThinkingBlock => ({ type: 'thinking', thinking: 't', signature })
const marked = (payload: string, family = FAMILY): ThinkingBlock => thinking(signReasoning({ family, payload }))

describe('what a thinking block carries', () => {
  it('comes back as it was signed', () => {
    for (const on of ['thought', 'call', 'text', 'image', 'empty'] as const) {
      const carried = { provider: 'p', signatures: [{ on, signature: 's' }] }
      expect(readCarried(thinking(sign(carried)))).toEqual(carried)
    }
    expect(readCarried(thinking(sign({ signatures: [] })))).toEqual({ provider: undefined, signatures: [] })
  })

  it('is nothing without a mark of this family', () => {
    for (const block of [thinking(''), thinking('theirs'), marked('{}', 'openai')])
      expect(readCarried(block)).toBeUndefined()
  })

  it.each([
    ['no object', 'x', { provider: undefined, signatures: [] }],
    ['of other types', '{"provider":1,"signatures":"x"}', { provider: undefined, signatures: [] }],
    [
      'in part what it should be',
      '{"provider":"p","signatures":[["thought","s"],["odd","s"],["call",1],"x",null]}',
      { provider: 'p', signatures: [{ on: 'thought', signature: 's' }] },
    ],
  ])('is no more than can be read, where it is %s', (_name, payload, carried) => {
    expect(readCarried(marked(payload))).toEqual(carried)
  })
})

describe('a signature of another vendor', () => {
  it('is base64 while it is wrapped, and comes back', () => {
    for (const signature of ['', 's', 'ä', 'a'.repeat(100)]) {
      const wrapped = wrapSignature(signature)
      expect(wrapped).toMatch(/^[A-Za-z0-9+/]+={0,2}$/)
      expect(unwrapSignature(wrapped)).toBe(signature)
    }
  })

  it('is none that was not wrapped here', () => {
    const almost = Buffer.from('ccr-foreign-signature;x').toString('base64')
    for (const signature of ['', 'theirs', almost]) expect(unwrapSignature(signature)).toBeUndefined()
  })
})

it.each([
  [{ thoughtSignature: 's' }, 's'],
  [{ thought_signature: 's' }, 's'],
  [{ thoughtSignature: 's', thought_signature: 't' }, 's'],
  [{ thoughtSignature: '' }, undefined],
  [{ thoughtSignature: 5 }, undefined],
  [{}, undefined],
  [null, undefined],
])('the signature of the part %j is %j', (part, signature) => {
  expect(signatureOf(part)).toBe(signature)
})
