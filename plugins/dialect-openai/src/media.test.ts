import type { ContentBlock } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encodedMessages, encodeWith, fakeAttempt } from '../test/harness.ts'
import { createAdaptation } from './adapt.ts'
import { createTarget } from './target.ts'

const media = (media_type: string, rest: object = {}): ContentBlock =>
  ({ type: 'document', source: { type: 'base64', media_type, data: 'AA' }, ...rest }) as ContentBlock
const sent = (block: ContentBlock): unknown => encodedMessages({ role: 'user', content: [block] })[0]!.content
const audio = (format: string): object => ({ type: 'input_audio', input_audio: { data: 'AA', format } })
const file = (media_type: string, filename: string): object => ({
  type: 'file',
  file: { filename, file_data: `data:${media_type};base64,AA` },
})

describe('rule 52: media of clients of other protocols', () => {
  it.each([
    ['audio/wav', 'wav'],
    ['audio/x-wav', 'wav'],
    ['audio/mpeg', 'mp3'],
    ['audio/MP3; rate=1', 'mp3'],
  ])('%s is heard as %s', (media_type, format) => {
    expect(sent(media(media_type))).toEqual([audio(format)])
    expect(sent(media(media_type, { title: 'a.wav', context: 'c' }))).toEqual([
      { type: 'text', text: 'a.wav\nc' },
      audio(format),
    ])
  })

  it('is heard without the head of a data URL', () => {
    const source = { type: 'base64', media_type: 'audio/wav', data: 'data:audio/wav;base64,AA' }
    expect(sent({ type: 'document', source })).toEqual([audio('wav')])
  })

  it.each(['audio/ogg', 'video/mp4', 'application/zip'])('%s is named in text', (media_type) => {
    expect(sent(media(media_type))).toBe(`[document of type ${media_type} cannot be shown to this model]`)
  })

  it('a film is named in text whatever its own name', () => {
    const text = 'a.mp4\n[document of type video/mp4 cannot be shown to this model]'
    expect(sent(media('video/mp4', { title: 'a.mp4' }))).toBe(text)
  })

  it('a text in base64 is said as what it is', () => {
    const source = { type: 'base64', media_type: 'text/csv', data: 'YSzDvA==' }
    expect(sent({ type: 'document', source })).toBe('a,ü')
    expect(sent({ type: 'document', source, title: 'a.csv' })).toBe('a.csv\na,ü')
  })

  it('a PDF is a file with a name, and so is a file that its client named', () => {
    expect(sent(media('application/pdf'))).toEqual([file('application/pdf', 'document.pdf')])
    expect(sent(media('application/zip', { title: 'a.zip' }))).toEqual([file('application/zip', 'a.zip')])
  })

  it.each([
    'audio input is not supported - hint: you may need to provide the mmproj',
    'unknown variant `input_audio`, expected `text`',
  ])('audio is named in text once a target has refused it: %s', (message) => {
    const adaptation = createAdaptation()
    const target = createTarget(adaptation)
    const content = [media('audio/wav'), { type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } }]
    const body = (): string =>
      JSON.stringify(encodeWith(target, { messages: [{ role: 'user', content }] }, fakeAttempt()))
    expect(body()).toContain('"input_audio"')
    const reply = { status: 400, type: 'invalid_request_error', message } as const
    const failure = { kind: 'status', status: 400, message, reply } as const
    expect(adaptation.learn({ provider: 'local', model: 'real' }, failure)).toBe('input_audio')
    expect(body()).not.toContain('"input_audio"')
  })
})
