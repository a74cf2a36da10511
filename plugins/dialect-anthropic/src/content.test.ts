import type { CanonicalRequest, ContentBlock, Message } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { speakable } from './content.ts'

const request = (messages: readonly Message[], more: Partial<CanonicalRequest> = {}): CanonicalRequest => {
  return { model: 'm', messages, ...more }
}
const user = (...content: ContentBlock[]): Message => ({ role: 'user', content })
const text = (said: string): ContentBlock => ({ type: 'text', text: said })
const image = (source: object) => ({ type: 'image', source }) as ContentBlock
const document = (source: object, more: object = {}) => ({ type: 'document', source, ...more }) as ContentBlock
const unseen = (what: string): ContentBlock => text(`[${what} cannot be shown to this model]`)

const PICTURE = image({ type: 'base64', media_type: 'image/png', data: 'AA==' })
const PDF = document({ type: 'base64', media_type: 'application/pdf', data: 'AA==' }, { title: 'a.pdf' })

/** What becomes of a block, in a message and in the result of a tool. */
function fit(block: ContentBlock): ContentBlock {
  const result = { type: 'tool_result', tool_use_id: 'a', content: [block] } as const
  const [message] = speakable(request([user(block, result)])).messages
  const [alone, inside] = message!.content as [ContentBlock, typeof result]
  expect(inside.content[0]).toEqual(alone)
  return alone
}

describe('rule 52: what this protocol cannot hold is named', () => {
  it.each<[string, ContentBlock, string]>([
    ['audio', { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } }, 'content of type input_audio'],
    ['a file', { type: 'file', file: { file_id: 'file-1' } }, 'content of type file'],
    ['a part of Gemini', { type: 'gemini_part', part: { executableCode: {} } }, 'content of type gemini_part'],
    [
      'audio as a document',
      document({ type: 'base64', media_type: 'audio/mp3', data: 'AA==' }),
      'document of type audio/mp3',
    ],
    [
      'a film',
      document({ type: 'url', url: 'https://a.example/f', media_type: 'video/mp4' }),
      'document https://a.example/f',
    ],
    [
      'a document of another vendor',
      document({ type: 'file', file_id: 'file-1' }, { title: 'a' }),
      "document 'a' file-1",
    ],
    ['rule 51: an image of another vendor', image({ type: 'file', file_id: 'file-1' }), 'image file-1'],
    ['an image that cannot be fetched', image({ type: 'url', url: 'gs://a/b.png' }), 'image gs://a/b.png'],
    [
      'an image of another form',
      image({ type: 'base64', media_type: 'image/heic', data: 'AA==' }),
      'image of type image/heic',
    ],
  ])('%s', (_name, block, what) => {
    expect(fit(block)).toEqual(unseen(what))
  })

  it.each([
    PICTURE,
    PDF,
    image({ type: 'url', url: 'https://a.example/b.png' }),
    document({ type: 'url', url: 'https://a.example/b.pdf' }),
    document({ type: 'text', media_type: 'text/plain', data: 'a' }),
    document({ type: 'content', content: [text('a')] }),
    { type: 'thinking', thinking: 'a', signature: 'EpAD' },
    { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
    { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
  ])('and $type stays', (block) => {
    expect(fit(block)).toBe(block)
  })
})

it('rule 50: a text is a document, whatever it came as', () => {
  const data = Buffer.from('größer').toString('base64')
  expect(fit(document({ type: 'base64', media_type: 'text/csv', data }))).toEqual(
    document({ type: 'text', media_type: 'text/plain', data: 'größer' }),
  )
})

it('the address of a PDF goes without its type', () => {
  const url = 'https://a.example/b'
  expect(fit(document({ type: 'url', url, media_type: 'application/pdf' }))).toEqual(document({ type: 'url', url }))
})

describe('rule 66: what says nothing', () => {
  const hi: Message = { role: 'user', content: 'hi' }
  const mute: Message = { role: 'user', content: '…' }

  it.each<[string, readonly Message[], readonly Message[]]>([
    ['is no block', [user(text(''), text('a'), text(' \n'))], [user(text('a'))]],
    ['is no message', [hi, { role: 'assistant', content: '' }, user(text(''))], [hi]],
    [
      'is no part of a result, which stays',
      [user({ type: 'tool_result', tool_use_id: 'a', content: [text('')] })],
      [user({ type: 'tool_result', tool_use_id: 'a', content: [] })],
    ],
  ])('%s', (_name, messages, left) => {
    expect(speakable(request(messages)).messages).toEqual(left)
  })

  it.each<[string, readonly Message[], readonly Message[]]>([
    [
      'a greeting answers nobody',
      [{ role: 'assistant', content: 'hello' }, hi],
      [mute, { role: 'assistant', content: 'hello' }, hi],
    ],
    [
      'a turn of the model that ends it',
      [hi, { role: 'assistant', content: 'a' }],
      [hi, { role: 'assistant', content: 'a' }],
    ],
    [
      'the user has said nothing to it',
      [hi, { role: 'assistant', content: 'a' }, user(text(' '))],
      [hi, { role: 'assistant', content: 'a' }, mute],
    ],
  ])('leaves whose turn it is: %s', (_name, messages, left) => {
    expect(speakable(request(messages)).messages).toEqual(left)
  })

  it('is no system prompt', () => {
    expect(speakable(request([hi], { system: '' }))).toEqual(request([hi]))
    expect(speakable(request([hi], { system: [{ type: 'text', text: '' }] }))).toEqual(request([hi]))
    expect(speakable(request([hi], { system: 'a' }))).toEqual(request([hi], { system: 'a' }))
  })

  it.each<[string, readonly Message[]]>([
    ['without messages', []],
    ['of empty messages', [{ role: 'user', content: '' }, user()]],
  ])('is no request: one %s is refused', (_name, messages) => {
    expect(() => speakable(request(messages))).toThrow(
      expect.objectContaining({ code: 'CCR_REQUEST_INVALID', message: expect.stringContaining('/messages') as string }),
    )
  })
})
