import { createSseReader, messageOfEvents, type CanonicalEvent, type TargetDialect } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { fixtures } from './fixtures.ts'
import { createTargetTrial } from './target-trial.ts'
import { cut } from './upstream.ts'

/** A dialect whose events are canonical already. */
const target: TargetDialect<{ model: string; extra?: number }, CanonicalEvent> = {
  encode: (_request, { model }) => ({ model, extra: 1 }),
  strip: ({ model }) => ({ model }),
  address: ({ baseUrl }) => ({ url: baseUrl, headers: {} }),
  reader(contentType) {
    if (!contentType.startsWith('text/event-stream')) return undefined
    const reader = createSseReader()
    return {
      push: (bytes, emit) => reader.push(bytes).forEach(({ data }) => emit(JSON.parse(data) as CanonicalEvent)),
      end: (emit) => reader.end().forEach(({ data }) => emit(JSON.parse(data) as CanonicalEvent)),
    }
  },
  explode: () => [],
  decoder: () => ({
    chunk: (event, emit) => emit(event),
    flush: () => {
      throw new Error('flushed')
    },
  }),
  error: () => undefined,
}

describe('createTargetTrial', () => {
  const trial = createTargetTrial('plain', target)
  const events = fixtures.answer()

  it('gives the body as it goes out, and attempts that count their identifiers', () => {
    expect(trial.encode({}, { model: 'm' })).toEqual({ model: 'm' })
    const { exchange, provider } = trial.attempt({ model: 'x' }, 'other')
    expect([exchange.newId('a_'), exchange.newId('a_'), exchange.request.model]).toEqual(['a_1', 'a_2', 'x'])
    expect(provider).toMatchObject({ name: 'other', dialect: 'plain' })
  })

  it('keeps what came out before a fault, or throws it', () => {
    expect(trial.run(events)).toMatchObject({ events, fault: { message: 'flushed' } })
    expect(() => trial.decode(events)).toThrow('flushed')
    expect(Object.isFrozen(trial.run(events).events[0])).toBe(true)
  })

  it('reads bytes however they are cut, and flushes nothing where they cannot be read', () => {
    const text = fixtures.toSse(events)
    const { events: read } = trial.read(cut(text, 7, 400, 12_345))
    expect(messageOfEvents(read)).toEqual(messageOfEvents(events))
    const { events: before, fault } = trial.read([Buffer.from(`${text}data: no JSON\n\n`)])
    expect(before).toEqual(events)
    expect(fault).toBeInstanceOf(SyntaxError)
  })
})
