import { messageEvents, type CanonicalMessage, type ContentBlock } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { fakeExchange } from '../test/harness.ts'
import { createEncoder } from './client-encoder.ts'
import { createClient } from './client.ts'
import { KeptItems } from './kept-items.ts'
import { fieldsOf } from './wire.ts'

const client = createClient(new KeptItems())

const message = (...content: readonly ContentBlock[]): CanonicalMessage => ({
  ...{ id: 'm', type: 'message', role: 'assistant', model: 'm', content },
  ...{ stop_reason: 'end_turn', stop_sequence: null, usage: {} },
})
const png: ContentBlock = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }
const shown = (block: ContentBlock): unknown => fieldsOf(client.message(message(block), fakeExchange()))['output']

describe('an image that a model of another vendor made', () => {
  it('rule 52 is an image generation call', () => {
    expect(shown(png)).toEqual([{ id: 'ig_2', type: 'image_generation_call', status: 'completed', result: 'AAAA' }])
  })

  it('is announced and done in a stream', () => {
    const stream = createEncoder(fakeExchange(), new KeptItems()).events(messageEvents(message(png)))
    expect(stream).toContain('"item":{"id":"ig_2","type":"image_generation_call","status":"in_progress","result":null}')
    expect(stream).toContain('"item":{"id":"ig_2","type":"image_generation_call","status":"completed","result":"AAAA"}')
  })

  it('rule 52 is named in text where only its address is known', () => {
    expect(shown({ type: 'image', source: { type: 'url', url: 'http://i' } })).toMatchObject([
      { type: 'message', content: [{ text: '[image http://i]' }] },
    ])
  })
})
