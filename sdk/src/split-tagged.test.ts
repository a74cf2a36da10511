import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalEvent, ContentBlock } from './canonical.ts'
import { Validator } from './kernel/validator.ts'
import { messageEvents, messageOfEvents } from './message.ts'
import { splitTagged, type TaggedOptions } from './split-tagged.ts'

const RUNS = Number(process.env['CCR_FUZZ_RUNS'] ?? 1000)
const LIMITS = { timeout: 30_000 + RUNS * 30 }

const text = (value: string): ContentBlock => ({ type: 'text', text: value })
const thinking = (value: string): ContentBlock => ({ type: 'thinking', thinking: value, signature: 's' })
const call: ContentBlock = { type: 'tool_use', id: 't', name: 'f', input: { a: '<think>x</think>' } }

/** The events of an answer, whose text comes in pieces of this many characters. */
function eventsOf(content: readonly ContentBlock[], size: number, stop_reason = 'end_turn'): CanonicalEvent[] {
  const usage = { input_tokens: 1, output_tokens: 2 }
  const message = { id: 'm', type: 'message', role: 'assistant', model: 'x', stop_sequence: null, usage } as const
  return messageEvents({ ...message, content, stop_reason }).flatMap((event): CanonicalEvent[] => {
    if (event.type !== 'content_block_delta' || event.delta.type !== 'text_delta') return [event]
    const pieces = event.delta.text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    return pieces.map((piece) => ({ ...event, delta: { type: 'text_delta', text: piece } }))
  })
}

function split(events: readonly CanonicalEvent[], options: Partial<TaggedOptions> = {}): CanonicalEvent[] {
  const stage = splitTagged({ tag: 'think', signature: 's', ...options })
  const out: CanonicalEvent[] = []
  const emit = (event: CanonicalEvent): void => void out.push(event)
  for (const event of events) void stage.chunk(event, emit)
  void stage.flush?.(emit)
  return out
}

/** What becomes of an answer, which is the same wherever its text is cut. */
function contentOf(content: readonly ContentBlock[], options: Partial<TaggedOptions> = {}, reason = 'end_turn') {
  const all = [1, 2, 3, 5, 8, 1000].map((size) => {
    const out = split(eventsOf(content, size, reason), options)
    const validator = new Validator()
    for (const event of out) validator.check(event)
    const message = messageOfEvents(out)
    expect(message).toMatchObject({ stop_reason: reason, usage: { input_tokens: 1, output_tokens: 2 } })
    return message.content
  })
  for (const one of all) expect(one).toEqual(all[0])
  return all[0]!
}

type Row = readonly [string, readonly ContentBlock[], readonly ContentBlock[]]

describe('splitTagged', () => {
  it.each<Row>([
    ['thoughts and an answer', [text('<think>a</think>b')], [thinking('a'), text('b')]],
    ['white space around the tags', [text(' \n<think>\n a \n</think>\n\nb ')], [thinking('a \n'), text('b ')]],
    ['text before the thoughts', [text('hi <think>a</think>b')], [text('hi '), thinking('a'), text('b')]],
    ['thoughts alone', [text('<think>a</think>\n')], [thinking('a')]],
    ['no thoughts between the tags', [text('<think>\n\n</think>\n\nb')], [text('b')]],
    ['no closing tag', [text('<think>a </thin')], [thinking('a </thin')]],
    ['a second pair', [text('<think>a</think>b<think>c</think>')], [thinking('a'), text('b<think>c</think>')]],
    ['other tags', [text('<thinking>a</thinking> <b>')], [text('<thinking>a</thinking> <b>')]],
    ['no tag', [text(' a < b ')], [text(' a < b ')]],
    ['a closing tag alone', [text('a</think>b')], [text('a</think>b')]],
    ['half a tag', [text('a<thin')], [text('a<thin')]],
    ['half a tag before a tag', [text('a<thi<think>b')], [text('a<thi'), thinking('b')]],
    ['nothing', [text('')], [text('')]],
    ['white space', [text('  ')], [text('  ')]],
    ['thoughts before a call', [text('<think>a</think>'), call], [thinking('a'), call]],
    ['open thoughts before a call', [text('<think>a'), call, text('b')], [thinking('a'), call, text('b')]],
    ['text between calls', [call, text('<think>a</think>b'), call], [call, thinking('a'), text('b'), call]],
    ['thoughts over two blocks', [text('<think>a'), text('b</think>c')], [thinking('a'), thinking('b'), text('c')]],
    ['thoughts that the server shows', [thinking('a'), text('b')], [thinking('a'), text('b')]],
  ])('%s', (_, given, expected) => {
    expect(contentOf(given)).toEqual(expected)
  })

  it('keeps the citations of text and the fields of its block', () => {
    const cited = { type: 'text', text: 'a', citations: [{ url: 'u' }], odd: 1 }
    expect(contentOf([cited])).toEqual([cited])
  })

  it('lets go of what cannot be a tag at once', () => {
    const [begin, start, ...rest] = eventsOf([text('ab')], 1)
    const out = split([begin!, start!, rest[0]!])
    expect(out.at(-1)).toMatchObject({ delta: { type: 'text_delta', text: 'a' } })
    const thoughts = eventsOf([text('<think>ab</think>')], 8).slice(0, 3)
    expect(split(thoughts).at(-1)).toMatchObject({ delta: { type: 'thinking_delta', thinking: 'a' } })
  })

  it('leaves it to the validator to find broken events', () => {
    const odd = [
      { type: 'content_block_start', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'text', text: null } },
      { type: 'content_block_delta', index: 1 },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 5 } },
      { type: 'content_block_delta', index: 7, delta: { type: 'text_delta', text: 'x' } },
      { type: 'content_block_stop', index: 9 },
      { type: 'message_delta' },
      { type: 'odd' },
    ] as unknown as readonly CanonicalEvent[]
    expect(() => split(odd)).not.toThrow()
    expect(() => split(odd, { startsInside: true, lookAhead: 9 })).not.toThrow()
  })
})

describe('a model that begins inside its thoughts', () => {
  const inside = { startsInside: true }

  it.each<Row>([
    ['closes them', [text('a</think>\nb')], [thinking('a'), text('b')]],
    ['opens them all the same', [text('\n<think>\na</think>b')], [thinking('a'), text('b')]],
    ['has none', [text('</think>b')], [text('b')]],
    ['answers without a tag', [text('a')], [thinking('a'), text('a')]],
    ['calls without a tag', [text('a'), call], [thinking('a'), call]],
    ['calls alone', [call, text('b')], [call, text('b')]],
    ['has them shown by its server', [thinking('a'), text('b')], [thinking('a'), text('b')]],
    ['says half a tag', [text('<thin')], [thinking('<thin'), text('<thin')]],
  ])('%s', (_, given, expected) => {
    expect(contentOf(given, inside)).toEqual(expected)
  })

  it('was cut in the midst of them', () => {
    expect(contentOf([text('a')], inside, 'max_tokens')).toEqual([thinking('a')])
    expect(contentOf([text('<think>a')], inside)).toEqual([thinking('a')])
  })
})

describe('a bounded look ahead', () => {
  const ahead = (lookAhead: number) => ({ lookAhead })

  it.each<readonly [string, number, readonly ContentBlock[], readonly ContentBlock[]]>([
    ['finds a closing tag alone', 9, [text('\nabc</think>d')], [thinking('abc'), text('d')]],
    ['finds it at its end', 3, [text('abc</think>d')], [thinking('abc'), text('d')]],
    ['does not find it behind its end', 2, [text('abc</think>d')], [text('abc</think>d')]],
    ['finds an opening tag', 9, [text('ab<think>c</think>d')], [text('ab'), thinking('c'), text('d')]],
    ['leaves an opening tag behind its end', 1, [text('ab<think>c</think>d')], [text('ab'), thinking('c'), text('d')]],
    ['finds nothing', 9, [text(' a')], [text(' a')]],
    ['ends at a call', 99, [text('a'), call, text('b</think>c')], [text('a'), call, text('b</think>c')]],
  ])('%s', (_, limit, given, expected) => {
    expect(contentOf(given, ahead(limit))).toEqual(expected)
  })

  it('holds nothing back once it is used up', () => {
    const events = eventsOf([text('x'.repeat(40))], 1).slice(0, 30)
    const out = split(events, ahead(10)).filter((event) => event.type === 'content_block_delta')
    expect(out.length).toBeGreaterThan(8)
  })

  it('takes a long answer in many pieces in linear time', () => {
    const events = eventsOf([text(`${'ab '.repeat(200_000)}</think>b`)], 2)
    const began = performance.now()
    expect(messageOfEvents(split(events, ahead(Infinity))).content[1]).toEqual(text('b'))
    expect(performance.now() - began).toBeLessThan(5_000)
  })
})

/** What an answer of one text comes to, said in another way. */
function expected(given: string, { startsInside = false, lookAhead = 0 }): readonly ContentBlock[] {
  const blocks = (...all: (ContentBlock | undefined)[]) => all.filter((one) => one !== undefined)
  const some = (value: string, of: (value: string) => ContentBlock) => (value === '' ? undefined : of(value))
  const closes = given.indexOf('</think>')
  const opens = given.indexOf('<think>')
  const bare = given.trimStart()
  if (startsInside) {
    const inner = bare.startsWith('<think>') ? bare.slice('<think>'.length).trimStart() : bare
    const end = inner.indexOf('</think>')
    if (end >= 0) return blocks(some(inner.slice(0, end), thinking), some(inner.slice(end + 8).trimStart(), text))
    return blocks(some(inner, thinking), inner === bare ? some(inner, text) : undefined)
  }
  if (lookAhead > 0 && closes >= 0 && closes <= lookAhead && (opens < 0 || closes < opens))
    return blocks(some(given.slice(0, closes).trimStart(), thinking), some(given.slice(closes + 8).trimStart(), text))
  if (opens < 0) return [text(given)]
  const before = given.slice(0, opens)
  const rest = given.slice(opens + 7)
  const end = rest.indexOf('</think>')
  const inner = (end < 0 ? rest : rest.slice(0, end)).trimStart()
  const after = end < 0 ? '' : rest.slice(end + 8).trimStart()
  return blocks(before.trim() === '' ? undefined : text(before), some(inner, thinking), some(after, text))
}

it('is the same for any text, cut anywhere', LIMITS, () => {
  const piece = fc.constantFrom('<think>', '</think>', '<', 'think>', '</th', ' ', '\n', 'a', 'bc', '>')
  const options = fc.record({ startsInside: fc.boolean(), lookAhead: fc.constantFrom(0, 0, 3, 12, 99) })
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), options, (pieces, given) => {
      const said = pieces.join('')
      expect(contentOf([text(said)], given)).toEqual(said === '' ? contentOf([text('')], given) : expected(said, given))
    }),
    { numRuns: RUNS },
  )
})
