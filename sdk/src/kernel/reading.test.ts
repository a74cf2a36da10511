import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type BodyReader, readPieces, type Want } from './reading.ts'

/** A body that a test writes, and a reading of it whose steps want what the test says. */
function begin(wants: readonly (Want | Error | (() => Promise<Want>))[]) {
  let reader: BodyReader | undefined
  const left = vi.fn<() => void>()
  const read: (string | undefined)[] = []
  const queue = [...wants]
  const done = readPieces({ readTo: (one) => void (reader = one), leave: left }, 1000, (bytes) => {
    read.push(bytes && Buffer.from(bytes).toString())
    const want = queue.shift() ?? 'more'
    if (want instanceof Error) throw want
    return typeof want === 'string' ? want : want()
  })
  const settled = vi.fn<(outcome: string) => void>()
  done.then(
    () => settled('done'),
    (reason: Error) => settled(reason.message),
  )
  const outcome = async (): Promise<string | undefined> => {
    await vi.advanceTimersByTimeAsync(0)
    return settled.mock.calls[0]?.[0]
  }
  return { body: reader!, piece: (text: string) => reader!.piece(Buffer.from(text)), left, read, outcome }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a body that lacks nothing but the mark of its end', () => {
  it('ends after 10 s of silence', async () => {
    const { piece, left, read, outcome } = begin(['mark', 'enough'])
    piece('a')
    await vi.advanceTimersByTimeAsync(9_999)
    expect([await outcome(), left.mock.calls.length]).toEqual([undefined, 0])
    await vi.advanceTimersByTimeAsync(1)
    expect([await outcome(), left.mock.calls.length, read]).toEqual(['done', 1, ['a', undefined]])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits again after each piece, and no more where one takes that back', async () => {
    const { piece, read, outcome } = begin(['mark', 'mark', 'more'])
    for (const text of ['a', 'b', 'c']) {
      piece(text)
      await vi.advanceTimersByTimeAsync(8_000)
    }
    await vi.advanceTimersByTimeAsync(60_000)
    expect([await outcome(), read]).toEqual([undefined, ['a', 'b', 'c']])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits from when its last piece was taken', async () => {
    let taken: (want: Want) => void = () => undefined
    const { piece, outcome } = begin([() => new Promise((resolve) => (taken = resolve)), 'enough'])
    void piece('a')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await outcome()).toBeUndefined()
    taken('mark')
    await vi.advanceTimersByTimeAsync(9_999)
    expect(await outcome()).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(await outcome()).toBe('done')
  })

  it('ends where its connection breaks', async () => {
    const { body, piece, read, outcome } = begin(['mark', 'enough'])
    piece('a')
    body.fail(new Error('reset'))
    expect([await outcome(), read]).toEqual(['done', ['a', undefined]])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is told to have broken off where that was not its end', async () => {
    const { body, piece, outcome } = begin(['mark', new Error('half an event')])
    piece('a')
    body.fail(new Error('reset'))
    expect(await outcome()).toBe('reset')
  })

  it('ends as any other when it closes', async () => {
    const { body, piece, left, outcome } = begin(['mark', 'enough'])
    piece('a')
    body.end()
    expect([await outcome(), left.mock.calls.length]).toEqual(['done', 0])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('any other body', () => {
  it('has failed where its connection breaks', async () => {
    const { body, piece, left, read, outcome } = begin([])
    piece('a')
    body.fail(new Error('reset'))
    expect([await outcome(), left.mock.calls.length, read]).toEqual(['reset', 1, ['a']])
  })

  it('has failed where a step throws, at once or later, and is left', async () => {
    const later = (): Promise<Want> => Promise.reject(new Error('wrong'))
    for (const want of [new Error('wrong'), later]) {
      const { piece, left, outcome } = begin([want])
      void piece('a')
      expect([await outcome(), left.mock.calls.length]).toEqual(['wrong', 1])
    }
  })

  it('may close by itself for 500 ms once enough was read', async () => {
    const { piece, left, read, outcome } = begin(['enough'])
    piece('a')
    expect(await outcome()).toBe('done')
    piece('b')
    await vi.advanceTimersByTimeAsync(499)
    expect(left).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect([left.mock.calls.length, read]).toEqual([1, ['a']])
  })

  it('is left once it has sent too much, or in too many pieces, behind enough', () => {
    for (const texts of [['x'.repeat(1000)], Array.from({ length: 16 }, () => 'x')]) {
      const { piece, left } = begin(['enough'])
      piece('a')
      for (const text of texts.slice(0, -1)) piece(text)
      expect(left).not.toHaveBeenCalled()
      piece(texts.at(-1)!)
      expect([left.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0])
    }
  })

  it('has nothing to break off once enough was read', async () => {
    const { body, piece, outcome } = begin(['enough'])
    piece('a')
    body.fail(new Error('reset'))
    expect([await outcome(), vi.getTimerCount()]).toEqual(['done', 0])
  })
})
