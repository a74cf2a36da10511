import type { ContentBlock } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encode } from '../test/harness.ts'

/** What goes out for a block of this type that clients of Chat Completions send. */
function partsOf(input_audio: unknown): unknown {
  const block = { type: 'input_audio', input_audio } as ContentBlock
  return encode({ messages: [{ role: 'user', content: [block] }] }).contents[0]!.parts
}

describe('audio of clients of Chat Completions', () => {
  it.each([
    ['wav', 'audio/wav'],
    ['mp3', 'audio/mp3'],
  ])('%s is media of type %s', (format, mimeType) => {
    expect(partsOf({ format, data: 'AAAA' })).toEqual([{ inlineData: { mimeType, data: 'AAAA' } }])
  })

  it.each([[{ format: 'odd', data: 'AAAA' }], [{ format: 'wav' }], [null]])(
    'of no known form is named: %j',
    (audio) => {
      expect(partsOf(audio)).toEqual([{ text: '[content of type input_audio cannot be shown to this model]' }])
    },
  )
})
