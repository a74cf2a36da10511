import type { CanonicalEvent, CanonicalRequest, ContentBlock, Message, ToolResultBlock, ToolUseBlock } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromWireNames, toWireNames } from './wire-names.ts'

const call = (id: string, name = 'read'): ContentBlock => ({ type: 'tool_use', id, name, input: {} })
const result = (tool_use_id: string): ContentBlock => ({ type: 'tool_result', tool_use_id, content: 'done' })
const turns = (ids: readonly string[], name?: string): Message[] => [
  { role: 'user', content: 'hi' },
  { role: 'assistant', content: ids.map((id) => call(id, name)) },
  { role: 'user', content: ids.map(result) },
]
const request = (messages: readonly Message[], more: Partial<CanonicalRequest> = {}): CanonicalRequest => {
  return { model: 'm', messages, ...more }
}
const started = (name: string): CanonicalEvent => {
  return { type: 'content_block_start', index: 0, content_block: call('toolu_1', name) }
}

describe('the name of a tool', () => {
  it.each(['fs.read:all', 'größe', 'x'.repeat(129)])(
    '%s is another one everywhere, and itself in the answer',
    (name) => {
      const tool_choice = { type: 'tool', name } as const
      const { request: sent, names } = toWireNames(request(turns(['a'], name), { tools: [{ name }], tool_choice }))
      const wire = sent.tools![0]!.name
      expect(wire).toMatch(/^[a-zA-Z0-9_-]{1,128}$/)
      expect(sent).toEqual(
        request(turns(['a'], wire), { tools: [{ name: wire }], tool_choice: { type: 'tool', name: wire } }),
      )
      expect(fromWireNames(started(wire), names)).toEqual(started(name))
    },
  )

  it('stays where the protocol takes it, and so does the event of the answer', () => {
    const name = 'x'.repeat(128)
    const before = request(turns(['a'], name), { tools: [{ name }] })
    const { request: sent, names } = toWireNames(before)
    expect(sent).toEqual(before)
    const event = started(name)
    expect(fromWireNames(event, names)).toBe(event)
  })
})

it('gives any ids of calls and their results one that the protocol takes, the same for the same alone', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1 })), (ids) => {
      const [, made, answered] = toWireNames(request(turns(ids))).request.messages
      const wires = (made!.content as readonly ToolUseBlock[]).map(({ id }) => id)
      expect((answered!.content as readonly ToolResultBlock[]).map((one) => one.tool_use_id)).toEqual(wires)
      expect(new Set(wires).size).toBe(ids.length)
      for (const [at, wire] of wires.entries()) {
        expect(wire).toMatch(/^[a-zA-Z0-9_-]+$/)
        if (/^[a-zA-Z0-9_-]+$/.test(ids[at]!)) expect(wire).toBe(ids[at])
      }
      expect(toWireNames(request(turns(ids))).request.messages[1]).toEqual(made)
    }),
  )
})
