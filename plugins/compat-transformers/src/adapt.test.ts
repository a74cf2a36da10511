import { describe, expect, it } from 'vitest'
import { shout } from '../test/classes.ts'
import { adapted } from '../test/world.ts'
import { adaptClass } from './adapt.ts'
import { plainCopy } from './plain-copy.ts'
import { EventLines, fromWhole, toWhole, writeEvents } from './wire-text.ts'

const from = { file: '/x/legacy.js', options: {} }

describe('what counts as a class of transformers', () => {
  it.each([
    ['a function that decides routes', async () => 'provider,model'],
    ['a function with a prototype', function router() {}],
    ['an object', { name: 'x', transformRequestIn: () => ({}) }],
    ['nothing', undefined],
    ['a class of something else', class Thing {}],
    ['an empty list of exports', {}],
  ])('%s does not', (_, exported) => {
    expect(adaptClass(exported, from)).toBeUndefined()
  })

  it('what is called only to find out does nothing', () => {
    let calls = 0
    adaptClass(() => ++calls, from)
    adaptClass(function count() {
      calls++
    }, from)
    expect(calls).toBe(0)
  })

  it('a function with hooks on its prototype does, as compilers write it', () => {
    function Old(this: { name: string }): void {
      this.name = 'Old One'
    }
    Old.prototype.transformRequestIn = (body: object) => body
    expect(adaptClass({ Old, other: 5 }, from)).toMatchObject({ name: 'old-one', transformers: [{ name: 'Old One' }] })
  })

  it('its static name counts where instances have none', () => {
    class Named {
      static TransformerName = 'static-name'
      transformRequestIn = (body: object) => body
    }
    expect(adapted(Named).transformers).toEqual([{ name: 'static-name' }])
  })

  it.each([
    ['Ünïcode_Name v2', 'n-code-name-v2'],
    ['名前', 'transformer'],
  ])('a name such as %s stays in the config, and is %s among plugins', (name, plugin) => {
    const made = adapted(class { name = name; auth() {} }) // prettier-ignore
    expect([made.name, made.transformers[0]!.name]).toEqual([plugin, name])
  })

  it('its constructor may keep and change its options', () => {
    const options = { list: [1] }
    class Changing {
      name = 'changing'
      constructor(own: { list: number[] }) {
        own.list.push(2)
      }
      transformRequestIn = (body: object) => body
    }
    adaptClass(Changing, { ...from, options })
    expect(options).toEqual({ list: [1] })
  })

  it('what a constructor throws is thrown', () => {
    class Failing {
      constructor() {
        throw new Error('not set up')
      }
      transformRequestIn() {}
    }
    expect(() => adaptClass(Failing, from)).toThrow('not set up')
  })
})

it('is a plugin that states what it uses', () => {
  expect(adapted(shout)).toMatchObject({ capabilities: ['credentials'], contributes: ['warnings'] })
})

describe('a copy', () => {
  it('is as JSON has it', () => {
    const given = { a: undefined, b: () => 1, c: [undefined, NaN], d: new Date(0), e: new URL('http://x/'), f: null }
    expect(plainCopy(given)).toEqual(JSON.parse(JSON.stringify(given)))
    expect(() => plainCopy({ a: 5n })).toThrow(TypeError)
  })

  it('keeps members with names that objects have by themselves', () => {
    const given = JSON.parse('{"__proto__":{"a":1},"constructor":2}') as object
    expect(JSON.stringify(plainCopy(given))).toBe(JSON.stringify(given))
    expect((plainCopy(given) as { a?: unknown }).a).toBeUndefined()
  })
})

describe('events as text', () => {
  it('are read as they were written, in every dialect', () => {
    for (const [dialect, events] of [
      ['openai', [{ choices: [{ delta: { content: 'a\nb' } }] }, { done: true }]],
      ['anthropic', [{ type: 'message_start', message: {} }, { type: 'ping' }]],
      ['gemini', [{ candidates: [] }]],
    ] as const) {
      expect(new EventLines(dialect).push(writeEvents(events, dialect))).toEqual(events)
    }
  })

  it('whole answers are what they were', () => {
    const answer = { id: 'x', choices: [{ index: 0, message: { content: 'a' }, finish_reason: 'stop' }], usage: {} }
    expect(toWhole(fromWhole(answer, 'openai'))).toEqual(answer)
    expect(toWhole([{ candidates: [] }])).toEqual({ candidates: [] })
    for (const events of [[], [{}, {}], [{}, { done: true }, {}]]) expect(toWhole(events)).toBeUndefined()
  })

  it('an event that is named an error is one, and a line without an end is taken at the end', () => {
    expect(new EventLines('openai').push('event: error\ndata: {"message":"m"}\n')).toEqual([
      { error: { message: 'm' } },
    ])
    const lines = new EventLines('openai')
    expect([lines.push('data: {"a"'), lines.push(':1}'), lines.push()]).toEqual([[], [], [{ a: 1 }]])
  })

  it('a line that never ends is given up', () => {
    const lines = new EventLines('openai')
    const piece = 'x'.repeat(16 * 1024 * 1024)
    lines.push(piece)
    expect(() => [lines.push(piece), lines.push('x')]).toThrow('too long')
  })
})
