import { describe, expect, it } from 'vitest'
import { CallKeys } from './call-keys.ts'
import type { CallDelta } from './wire.ts'

/** A fragment: what it holds, and the key that it is given. */
type Step = readonly [call: CallDelta & { readonly complete?: boolean }, key: number]

const named = (rest: object = {}): CallDelta => ({ function: { name: 'f' }, ...rest })
const whole = (rest: object = {}): CallDelta => ({ function: { name: 'f', arguments: '{}' }, ...rest })
const more = (rest: object = {}): CallDelta => ({ function: { arguments: '1' }, ...rest })

describe('the call that a fragment belongs to', () => {
  it.each<[string, readonly Step[]]>([
    [
      'goes by its index',
      [
        [named({ index: 0 }), 0],
        [named({ index: 1 }), 1],
        [more({ index: 0 }), 0],
        [more({ index: 1 }), 1],
      ],
    ],
    [
      'is another where one index has another id',
      [
        [named({ index: 0, id: 'a' }), 0],
        [named({ index: 0, id: 'b' }), 1],
      ],
    ],
    [
      'is one from before where an index comes back to its id',
      [
        [named({ index: 0, id: 'a' }), 0],
        [named({ index: 0, id: 'b' }), 1],
        [more({ index: 0, id: 'a' }), 0],
      ],
    ],
    [
      'is a new one where a new index has an id from before',
      [
        [named({ index: 0, id: 'a' }), 0],
        [named({ index: 1, id: 'a' }), 1],
        [more({ index: 1 }), 1],
      ],
    ],
    [
      'gets its id later',
      [
        [named({ index: 0 }), 0],
        [more({ index: 0, id: 'a' }), 0],
        [more({ index: 0, id: 'b' }), 1],
      ],
    ],
    [
      'has no empty id',
      [
        [named({ index: 0, id: '' }), 0],
        [more({ index: 0, id: 'a' }), 0],
        [more({ index: 0, id: '' }), 0],
      ],
    ],
    [
      'goes by its id without an index',
      [
        [named({ id: 'a' }), 0],
        [named({ id: 'b' }), 1],
        [more({ id: 'a' }), 0],
        [more(), 0],
      ],
    ],
    [
      'is the last one without either',
      [
        [named({ id: 'a' }), 0],
        [more(), 0],
        [named(), 0],
      ],
    ],
    [
      'is another behind a complete one',
      [
        [{ ...whole({ index: 0 }), complete: true }, 0],
        [whole({ index: 0 }), 1],
      ],
    ],
    [
      'is another behind a complete one without an index',
      [
        [{ ...whole(), complete: true }, 0],
        [whole(), 1],
      ],
    ],
    [
      'is the same where its name is said again, without arguments',
      [
        [{ ...whole({ index: 0 }), complete: true }, 0],
        [named({ index: 0 }), 0],
        [{ index: 0, function: { name: 'f', arguments: ' ' } }, 0],
        [{ index: 0, function: { name: 'f', arguments: null as never } }, 0],
        [{ index: 0, function: { name: 'f', arguments: {} as never } }, 1],
      ],
    ],
    [
      'is the same where its arguments go on',
      [
        [whole({ index: 0 }), 0],
        [whole({ index: 0 }), 0],
      ],
    ],
  ])('%s', (_name, steps) => {
    const keys = new CallKeys()
    const complete = new Set<string>()
    for (const [call, expected] of steps) {
      const key = keys.keyOf(call, call.id as string | undefined, 0, (one) => complete.has(one))
      expect(key).toBe(`call ${expected}`)
      if (call.complete) complete.add(key)
    }
  })

  it('is another for each named entry of a list without indexes', () => {
    const keys = new CallKeys()
    const none = (): boolean => false
    expect(
      [named(), named(), more(), named({ id: 'a' })].map((call, at) => keys.keyOf(call, undefined, at, none)),
    ).toEqual(['call 0', 'call 1', 'call 1', 'call 2'])
  })
})
