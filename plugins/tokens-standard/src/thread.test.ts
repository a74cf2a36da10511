import type { TextTokenizer } from '@ccr/sdk'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CountingThread, type ThreadOptions } from './thread.ts'

const PLACE = '../dist/place.js'
const { threadUrl, standardModule } = (await import(/* @vite-ignore */ PLACE)) as typeof import('./place.ts')

const threads: CountingThread[] = []
afterEach(async () => void (await Promise.all(threads.splice(0).map((thread) => thread.close()))))

function create(options?: ThreadOptions): CountingThread {
  const thread = new CountingThread(threadUrl, options)
  threads.push(thread)
  return thread
}

const tokenizer = (name: string, body: string): TextTokenizer => ({
  name,
  matches: () => true,
  module: `data:text/javascript,export const createCounter = ${encodeURIComponent(body)}`,
})
const lengths = tokenizer('lengths', '() => (text) => text.length')

describe('the thread', { timeout: 30_000 }, () => {
  it('begins with the first question and counts for many tokenizers', async () => {
    const thread = create()
    expect(thread.isRunning).toBe(false)
    const standard = {
      name: 'cl100k_base',
      matches: () => true,
      module: standardModule,
      data: { encoding: 'cl100k_base' },
    }
    expect(
      await Promise.all([thread.count(lengths, ['a', 'bcd']), thread.count(standard, ['hello world', ''])]),
    ).toEqual([
      [1, 3],
      [2, 0],
    ])
    expect(thread.isRunning).toBe(true)
  })

  it('tells what is wrong with a tokenizer, and goes on', async () => {
    const thread = create()
    const faults: readonly (readonly [TextTokenizer, RegExp])[] = [
      [{ ...lengths, name: 'none', module: 'file:///nowhere/counter.js' }, /Cannot find module/],
      [{ ...lengths, name: 'empty', module: 'data:text/javascript,' }, /not a function/],
      [tokenizer('unmade', '() => { throw new Error("no file") }'), /no file/],
      [tokenizer('throwing', '() => () => { throw new Error("odd text") }'), /odd text/],
      [tokenizer('odd', '() => () => { throw "no error" }'), /no error/],
    ]
    for (const [broken, fault] of faults) {
      await expect(thread.count(broken, ['a'])).rejects.toThrow(fault)
      expect(await thread.count(lengths, ['a'])).toEqual([1])
    }
  })

  it('is replaced when a tokenizer ends it', async () => {
    const thread = create()
    await expect(thread.count(tokenizer('exit', '() => process.exit(3)'), ['a'])).rejects.toThrow(
      'it ended with code 3',
    )
    expect(await thread.count(lengths, ['abc'])).toEqual([3])
  })

  it('is ended with a tokenizer that does not end', async () => {
    const thread = create({ timeoutMs: 200 })
    await expect(thread.count(tokenizer('endless', '() => { for (;;); }'), ['a'])).rejects.toThrow('longer than 200 ms')
    expect(thread.isRunning).toBe(false)
  })

  it('ends when nothing is asked any more, and begins again', async () => {
    const thread = create({ idleMs: 1 })
    await thread.count(lengths, ['a'])
    await vi.waitFor(() => expect(thread.isRunning).toBe(false))
    expect(await thread.count(lengths, ['ab'])).toEqual([2])
  })

  it('rejects what it was asked when it is closed, and whatever comes later', async () => {
    const thread = create()
    const asked = thread.count(lengths, ['a'])
    const rejected = expect(asked).rejects.toThrow('it has been closed')
    await thread.close()
    await rejected
    await expect(thread.count(lengths, ['a'])).rejects.toThrow('has been closed')
  })
})
