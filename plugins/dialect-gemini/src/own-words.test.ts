import { describe, expect, it } from 'vitest'
import { decodeRequest, encode } from '../test/harness.ts'

/** What a client of this API asked, as a target of this API gets it. */
const routed = (body: object) => encode(decodeRequest(body))
const VIDEO = { mimeType: 'video/mp4', fileUri: 'https://host/v.mp4' }
const CLIP = { startOffset: '5s', endOffset: '9s', fps: 2 }
const PNG = { mimeType: 'image/png', data: 'AAAA' }

describe('what a client of this API says in words of its own reaches targets of it', () => {
  it.each<[string, object]>([
    ['the clip of a video', { fileData: VIDEO, videoMetadata: CLIP }],
    ['the clip of a video without a type', { fileData: { fileUri: 'https://youtu.be/x' }, videoMetadata: CLIP }],
    ['the resolution of a part', { inlineData: PNG, mediaResolution: { level: 'MEDIA_RESOLUTION_HIGH' } }],
    ['the name of a file', { inlineData: { ...PNG, displayName: 'a.png' } }],
    ['the type of a stored image', { fileData: { mimeType: 'image/webp', fileUri: 'https://host/v1beta/files/a' } }],
    ['a type that the address does not tell', { fileData: { mimeType: 'audio/mpeg', fileUri: 'https://host/a.mp3' } }],
  ])('%s', (_name, part) => {
    expect(routed({ contents: [{ role: 'user', parts: [part] }] }).contents).toEqual([{ role: 'user', parts: [part] }])
  })

  it('under the names of the API’s own definitions', () => {
    const part = { file_data: { mime_type: 'video/mp4', file_uri: VIDEO.fileUri }, video_metadata: CLIP }
    const { contents } = routed({ contents: [{ role: 'user', parts: [part] }] })
    expect(contents[0]!.parts).toEqual([{ fileData: VIDEO, videoMetadata: CLIP }])
  })

  it('the signature of an image of the model', () => {
    const parts = [{ inlineData: PNG, thoughtSignature: 'U0lH' }]
    const said = { role: 'user', parts: [{ text: 'q' }] }
    expect(routed({ contents: [said, { role: 'model', parts }, said] }).contents[1]).toEqual({ role: 'model', parts })
  })

  it('the name of a file in a result', () => {
    const inside = [{ inlineData: { ...PNG, displayName: 'a.png' } }]
    const functionResponse = { id: 'c', name: 'f', response: { output: 'see a.png' }, parts: inside }
    const contents = [
      { role: 'user', parts: [{ text: 'q' }] },
      { role: 'model', parts: [{ functionCall: { id: 'c', name: 'f', args: {} } }] },
      { role: 'user', parts: [{ functionResponse }] },
    ]
    const sent = encode(decodeRequest({ contents }), { model: 'gemini-3-pro' })
    expect(sent.contents[2]!.parts).toEqual([{ functionResponse }])
  })

  it('the behavior of a function, and what it returns', () => {
    const declared = { name: 'f', description: 'd', behavior: 'NON_BLOCKING', response: { type: 'STRING' } }
    const tools = [{ functionDeclarations: [declared] }]
    expect(routed({ contents: 'q', tools }).tools).toEqual(tools)
  })

  it.each<[string, object]>([
    ['one word of a list', { responseMimeType: 'text/x.enum', responseSchema: { type: 'STRING', enum: ['a', 'b'] } }],
    ['a schema without its type', { responseJsonSchema: { type: 'string' } }],
  ])('the schema of an answer that is no JSON: %s', (_name, generationConfig) => {
    expect(routed({ contents: 'q', generationConfig }).generationConfig).toEqual(generationConfig)
  })

  it('but not what replaced it', () => {
    const { messages, ...rest } = decodeRequest({
      contents: [{ role: 'user', parts: [{ inlineData: { ...PNG, displayName: 'a.png' } }] }],
    })
    const [message] = messages
    const source = { type: 'base64', media_type: 'image/png', data: 'BBBB' }
    const content = (message!.content as readonly object[]).map((block) => ({ ...block, source }))
    const { contents } = encode({ ...rest, messages: [{ role: 'user', content: content as never }] })
    expect(contents[0]!.parts).toEqual([{ inlineData: { mimeType: 'image/png', data: 'BBBB' } }])
  })
})
