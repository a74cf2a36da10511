import type { CanonicalRequest } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readDirective, stripDirectives } from './directive.ts'

const OPENING = '<CCR-SUBAGENT-MODEL>'
const CLOSING = '</CCR-SUBAGENT-MODEL>'
const plain = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('CCR-SUBAGENT-MODEL'))
const target = plain.map((text) => text.trim())
const space = fc.stringMatching(/^[ \n\t]{0,4}$/)

describe('readDirective', () => {
  it('reads any name between the tags, whatever stands around it', () => {
    fc.assert(
      fc.property(space, space, target, space, plain, (before, left, name, right, rest) => {
        const found = readDirective(`${before}${OPENING}${left}${name}${right}${CLOSING}${rest}`)
        expect(found).toEqual({ model: name, rest: rest.trimStart() })
      }),
    )
  })

  it('finds none in any text that does not begin with both tags', () => {
    fc.assert(
      fc.property(plain, plain, (before, rest) => {
        expect(readDirective(before)).toBeUndefined()
        expect(readDirective(`${OPENING}${before}`)).toBeUndefined()
        if (before.trim() !== '') expect(readDirective(`${before}${OPENING}a,b${CLOSING}${rest}`)).toBeUndefined()
      }),
    )
  })
})

describe('stripDirectives', () => {
  const content = fc.oneof(
    plain,
    fc.array(
      fc.oneof(
        fc.record({ type: fc.constant('text'), text: plain }),
        fc.record({ type: fc.constantFrom('image', 'tool_result', 'odd') }),
      ),
      { maxLength: 4 },
    ),
  )
  const requests = fc.record({
    model: fc.constant('m'),
    messages: fc.array(fc.record({ role: fc.constantFrom('user', 'assistant', 'system'), content }), { maxLength: 5 }),
    system: fc.option(fc.oneof(plain, fc.array(fc.record({ type: fc.constant('text'), text: plain }))), {
      nil: undefined,
    }),
  })

  it('leaves any request without a directive alone', () => {
    fc.assert(
      fc.property(requests, (request) => {
        expect(stripDirectives(request as unknown as CanonicalRequest)).toBeUndefined()
      }),
    )
  })

  const tag = (name: string): string => `${OPENING}${name}${CLOSING}`
  const text = (said: string) => ({ type: 'text', text: said })
  const image = { type: 'image' }
  it.each<[string, object, object]>([
    [
      'a text, and what stands behind it stays',
      { messages: [{ role: 'user', content: ` ${tag('a,b')} Do it.` }] },
      { messages: [{ role: 'user', content: 'Do it.' }] },
    ],
    [
      'a text that is nothing else, which does not become empty',
      { messages: [{ role: 'user', content: tag('a,b') }] },
      { messages: [{ role: 'user', content: [text('.')] }] },
    ],
    [
      'blocks, and the others stay',
      { messages: [{ role: 'user', content: [image, text(tag('a,b')), { type: 'text' }, null, text('')] }] },
      { messages: [{ role: 'user', content: [image, { type: 'text' }, null, text('')] }] },
    ],
    [
      'blocks that are nothing else',
      { messages: [{ role: 'user', content: [text(`${tag('a,b')}\n${tag('c,d')}`)] }] },
      { messages: [{ role: 'user', content: [text('.')] }] },
    ],
    [
      'all messages before the first answer, and none behind it',
      {
        messages: [
          null,
          { role: 'user', content: tag('a,b') + 'x' },
          { role: 'user', content: 5 },
          { role: 'user' },
          { role: 'system', content: tag('c,d') + 'y' },
          { role: 'assistant', content: tag('e,f') },
          { role: 'user', content: tag('g,h') },
        ],
      },
      {
        messages: [
          null,
          { role: 'user', content: 'x' },
          { role: 'user', content: 5 },
          { role: 'user' },
          { role: 'system', content: 'y' },
          { role: 'assistant', content: tag('e,f') },
          { role: 'user', content: tag('g,h') },
        ],
      },
    ],
    [
      'the system prompt first, which may go',
      { system: tag('a,b'), messages: [{ role: 'user', content: tag('c,d') + 'x' }] },
      { messages: [{ role: 'user', content: 'x' }] },
    ],
    [
      'a system prompt that is malformed, which stays',
      { system: 5, messages: [{ role: 'user', content: tag('a,b') + 'x' }] },
      { system: 5, messages: [{ role: 'user', content: 'x' }] },
    ],
  ])('takes directives out of %s', (_name, given, left) => {
    const request = { model: 'm', ...given } as unknown as CanonicalRequest
    expect(stripDirectives(request)).toEqual({ model: 'a,b', request: { model: 'm', ...left } })
  })

  it('takes any directive out of the system prompt and gives the rest back as it was', () => {
    fc.assert(
      fc.property(requests, target, (request, name) => {
        const rest = { type: 'text', text: 'Do it.' }
        const others = Array.isArray(request.system) ? request.system : []
        const system = [{ type: 'text', text: `${OPENING}${name}${CLOSING}Do it.` }, ...others]
        const found = stripDirectives({ ...request, system } as unknown as CanonicalRequest)
        expect(found).toEqual({ model: name, request: { ...request, system: [rest, ...others] } })
      }),
    )
  })
})
