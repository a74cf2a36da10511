import type { CanonicalRequest, ContentBlock, Message, ToolUseBlock } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contextOf, readCall, toRequest } from './analysis.ts'
import { hasAnyImage, hasRecentImage } from './images.ts'
import { placeholderText, replaceImages } from './placeholders.ts'
import { createSight } from './sight.ts'
import { image, result, text } from '../test/images.ts'
import { offerTool, toolName, withdrawTool } from './tool.ts'

const request = (...messages: Message[]): CanonicalRequest => ({ model: 'm', messages })
const user = (...content: ContentBlock[]): Message => ({ role: 'user', content })
const assistant: Message = { role: 'assistant', content: 'I see.' }
const system: Message = { role: 'system', content: 'environment' }
const hint = (number: number): string => placeholderText(number, 'analyzeImage')

describe('a request', () => {
  it.each<[string, Message[], recent: boolean, anywhere: boolean]>([
    ['without messages', [], false, false],
    ['with a text', [user(text('hi'))], false, false],
    ['with a string', [{ role: 'user', content: 'image' }], false, false],
    ['with an image', [user(image('a'))], true, true],
    ['with an image in the result of a tool', [assistant, user(result(text('x'), image('a')))], true, true],
    ['with an image before the answer of the model', [user(image('a')), assistant, user(text('and?'))], false, true],
    ['with an image, then a message of the system', [user(image('a')), system], true, true],
    ['with an image, then another message of the user', [user(image('a')), user(text('well?'))], true, true],
    ['whose result is a string', [user({ type: 'tool_result', tool_use_id: 't', content: 'image' })], false, false],
    ['whose result is empty', [user({ type: 'tool_result', tool_use_id: 't' })], false, false],
    ['with an image of the model', [{ role: 'assistant', content: [image('a')] }], false, false],
  ])('%s', (_, messages, recent, anywhere) => {
    expect([hasRecentImage(request(...messages)), hasAnyImage(request(...messages))]).toEqual([recent, anywhere])
  })
})

describe('a model', () => {
  const sees = createSight({ visionModels: ['my-*-eye', 'exact'], textOnlyModels: ['*nano*'] })

  it.each([
    ['claude-sonnet-4', true],
    ['anthropic/claude-3-haiku', true],
    ['GPT-4o-mini', true],
    ['gpt-4.1', true],
    ['gpt-4-vision-preview', true],
    ['qwen2.5-vl-72b', true],
    ['glm-4v', true],
    ['glm-4.5v', true],
    ['grok-2-vision', true],
    ['pixtral-12b', true],
    ['llava:13b', true],
    ['gemini-2.5-pro', true],
    ['gemini-nano', false],
    ['my-own-eye', true],
    ['exact', true],
    ['exactly', false],
    ['deepseek-chat', false],
    ['qwen3-coder', false],
    ['glm-4.6', false],
    ['kimi-k2', false],
    ['gpt-oss-120b', false],
    ['m-default', false],
  ])('%s sees images: %s', (model, expected) => expect(sees(model)).toBe(expected))
})

describe('placeholders', () => {
  it('stand for every image in order, in the results of tools too, and keep what stands beside them', () => {
    const before = request(
      user(text('look'), image('a')),
      assistant,
      user(result(text('shot'), image('b'), text('and'), image('c')), image('d')),
    )
    const { request: after, images } = replaceImages(before, 'analyzeImage')
    expect(images).toEqual(['a', 'b', 'c', 'd'].map(image))
    expect(after.messages).toEqual([
      user(text('look'), text(hint(1))),
      assistant,
      user(result(text('shot'), text(hint(2)), text('and'), text(hint(3))), text(hint(4))),
    ])
  })

  it('keep the marks of the cache', () => {
    const marked = { ...image('a'), cache_control: { type: 'ephemeral' } } as const
    const { request: after } = replaceImages(request(user(marked)), 'analyzeImage')
    expect(after.messages[0]!.content).toMatchObject([{ type: 'text', cache_control: { type: 'ephemeral' } }])
  })

  it.each<[string, Message[], string]>([
    [
      'a marker for each image',
      [user(text('[Image #7] or [Image #9]?'), image('a'), image('b'))],
      '[Image #1] or [Image #2]?',
    ],
    [
      'markers after the image of a tool',
      [user(result(image('x'))), user(text('see [Image #1]'), image('a'))],
      'see [Image #2]',
    ],
    [
      'a marker of an earlier message',
      [user(text('[Image #4]'), image('a')), assistant, user(text('[Image #4] again'))],
      '[Image #1] again',
    ],
    [
      'a marker of a later string',
      [user(text('[Image #4]'), image('a')), { role: 'user', content: '[Image #4]!' }],
      '[Image #1]!',
    ],
    ['a marker without an image', [user(text('old [Image #3] here'))], 'old  here'],
    ['more markers than images', [user(text('[Image #1] [Image #2]!'), image('a'))], ' !'],
  ])('speak of the same images as the client: %s', (_, messages, expected) => {
    const { request: after } = replaceImages(request(...messages), 'analyzeImage')
    const { content } = after.messages.at(-1)!
    expect(typeof content === 'string' ? content : (content[0] as { text: string }).text).toBe(expected)
  })

  it('leave no image in any request, and no empty text, and number as many as there were', () => {
    const block = fc.oneof(
      fc.constantFrom('a', 'b').map(image),
      fc.constantFrom('hi', '[Image #1]', '').map(text),
      fc
        .array(fc.constantFrom<ContentBlock>(image('r'), text('t')), { maxLength: 3 })
        .map((blocks) => result(...blocks)),
    )
    const message = fc.array(block, { maxLength: 5 }).map((blocks) => user(...blocks))
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const before = request(...messages)
        const { request: after, images } = replaceImages(before, 'analyzeImage')
        const json = JSON.stringify(after)
        expect(hasAnyImage(after)).toBe(false)
        expect(images).toHaveLength(JSON.stringify(before).split('"type":"image"').length - 1)
        for (let number = 1; number <= images.length; number++) expect(json).toContain(hint(number))
        expect(json).not.toContain('"text":""')
      }),
    )
  })
})

describe('the private tool', () => {
  const words = expect.stringContaining('cannot see images') as string

  it.each<[string, CanonicalRequest['system'], unknown]>([
    ['absent', undefined, words],
    ['a string', 'Be kind.', expect.stringMatching(/^Be kind\.\n\nYou cannot see images/)],
    [
      'a list',
      [{ type: 'text', text: 'Be kind.' }],
      [
        { type: 'text', text: 'Be kind.' },
        { type: 'text', text: words },
      ],
    ],
  ])('is explained where system is %s, and offered where there are no tools', (_, given, expected) => {
    const offered = offerTool({ ...request(), system: given }, 'analyzeImage')
    expect(offered.system).toEqual(expected)
    expect(offered.tools).toMatchObject([{ name: 'analyzeImage', input_schema: { required: ['imageId', 'task'] } }])
  })

  it('has a name that no tool of the client has', () => {
    const tools = [{ name: 'analyzeImage' }, { name: 'analyzeImage2' }]
    expect(toolName({ ...request(), tools })).toBe('analyzeImage3')
    expect(toolName(request())).toBe('analyzeImage')
  })

  it('is withdrawn so that calls in the history stay valid', () => {
    const read = { name: 'Read' }
    expect(withdrawTool(offerTool({ ...request(), tools: [read] }, 'analyzeImage'), 'analyzeImage').tools).toEqual([
      read,
    ])
    expect(withdrawTool(offerTool(request(), 'analyzeImage'), 'analyzeImage')).toMatchObject({
      tools: [{ name: 'analyzeImage' }],
      tool_choice: { type: 'none' },
    })
  })

  const images = ['a', 'b'].map(image)
  const call = (input: unknown): ToolUseBlock => ({ type: 'tool_use', id: 't', name: 'analyzeImage', input })
  it.each<[unknown, string]>([
    [{ imageId: ['[Image #2]'], task: 'x' }, 'b'],
    [{ imageId: '[Image #1]', task: 'x' }, 'a'],
    [{ imageId: '1', task: 'x' }, 'a'],
    [{ imageId: 2, task: 'x' }, 'b'],
    [{ imageId: ['#2', '#1', '#2'], task: 'x' }, 'ba'],
    [{ imageId: '[Image #1] and [Image #2]', task: 'x' }, 'ab'],
    [{ imageId: ['[Image #3]'], task: 'x' }, 'There is no such image. There are [Image #1] to [Image #2].'],
    [{ task: 'x' }, 'imageId names no image. There are [Image #1] to [Image #2].'],
    [{}, 'imageId names no image. There are [Image #1] to [Image #2].'],
    [undefined, 'imageId names no image. There are [Image #1] to [Image #2].'],
  ])('called with %j shows %s', (input, expected) => {
    const read = readCall(call(input), images)
    const shown = read.images.map(({ source }) => ('data' in source ? source.data : '')).join('')
    expect(read.fault ?? shown).toBe(expected)
  })

  it('needs no id where there is one image', () => {
    expect(readCall(call({}), [image('only')])).toMatchObject({
      images: [image('only')],
      task: 'Describe what it shows.',
    })
  })

  it('asks with the images, the words of the user and everything the call says', () => {
    const input = { imageId: ['1'], task: 'Read the sign', regions: [{ x: 1 }] }
    const asked = toRequest(readCall(call(input), images), { provider: 'p', model: 'eye' }, 'what is this?')
    expect(asked).toMatchObject({ model: 'eye', messages: [{ role: 'user', content: [image('a'), { type: 'text' }] }] })
    const said = JSON.stringify(asked.messages)
    for (const part of ['what is this?', 'Task: Read the sign', 'regions']) expect(said).toContain(part)
    // The call goes back into the history as the model made it.
    expect(input.imageId).toEqual(['1'])
  })

  it.each<[Message[], string]>([
    [[user(text('first')), assistant, user(text('last'), image('a'))], 'last'],
    [[user(text('asked')), assistant, user(result(image('a')))], 'asked'],
    [[user(text('<system-reminder>x</system-reminder>'), text('real'))], 'real'],
    [[{ role: 'user', content: 'plain' }, system], 'plain'],
    [[], ''],
  ])('goes along with what the user said last: %#', (messages, expected) =>
    expect(contextOf(request(...messages))).toBe(expected),
  )
})
