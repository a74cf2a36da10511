import { describe, expect, it } from 'vitest'
import { createSight } from './sight.ts'

const sees = createSight({ visionModels: ['own*eye'], textOnlyModels: ['blind-claude'] })

describe('whether a model sees images', () => {
  it.each([
    ['claude-opus-5', true],
    ['Qwen3-VL-8B', true],
    ['own-large-eye', true],
    ['blind-claude', false],
    ['deepseek-chat', false],
  ])('%s: %s', (model, expected) => {
    expect(sees(model)).toBe(expected)
  })

  it('is told by the beginning of its name: a client may send one of any length', () => {
    expect(sees(`${'x'.repeat(240)}claude`)).toBe(true)
    expect(sees(`${'x'.repeat(256)}claude`)).toBe(false)
    expect(sees('qwen'.repeat(1_000_000))).toBe(false)
  })
})
