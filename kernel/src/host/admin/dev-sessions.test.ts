import { afterEach, expect, it } from 'vitest'
import type { EntryConfig } from '../../load/entries.ts'
import { DevSessions, type DevEvent } from './dev-sessions.ts'

const entry = (file: string): EntryConfig => ({
  id: `dev:${file}`,
  use: `file:${file}`,
  options: {},
  enabled: true,
  file,
  at: 'a test',
})
const fault = { code: 'CCR_PLUGIN_LOAD', message: 'let 1', at: '/a.ts:1:5' } as const

let sessions: DevSessions
afterEach(() => sessions.closeAll())

function create(leaseMs?: number) {
  let expire: () => void
  const expired = new Promise<void>((resolve) => (expire = resolve))
  sessions = new DevSessions({ generation: () => undefined, expired: () => expire(), leaseMs })
  return expired
}

it('a working copy is used until somebody ends it', async () => {
  void create()
  const [first, second] = [sessions.open(entry('/a.ts'))!, sessions.open(entry('/b.ts'))!]
  expect(sessions.entries.map(({ file }) => file)).toEqual(['/a.ts', '/b.ts'])
  expect([sessions.close(first), sessions.close(first)]).toEqual([true, false])
  expect(sessions.entries.map(({ file }) => file)).toEqual(['/b.ts'])
  expect(await sessions.eventsAfter(first, 0, 0)).toBeUndefined()
  expect(await sessions.eventsAfter(second, 0, 0)).toEqual([])
})

it('a working copy that nobody asks about is forgotten: whoever lent it may have been killed', async () => {
  const expired = create(30)
  const id = sessions.open(entry('/a.ts'))!
  await expired
  expect(sessions.entries).toEqual([])
  expect(await sessions.eventsAfter(id, 0, 0)).toBeUndefined()
})

it('the same file lent twice is used once, by whoever came last', async () => {
  void create()
  const first = sessions.open(entry('/a.ts'))!
  const waiting = sessions.eventsAfter(first, 0, 60_000)
  const second = sessions.open(entry('/a.ts'))!
  expect(await waiting).toBeUndefined()
  expect(sessions.entries).toHaveLength(1)
  expect(await sessions.eventsAfter(second, 0, 0)).toEqual([])
})

it('whoever waits hears of what happens, once', async () => {
  void create()
  const id = sessions.open(entry('/a.ts'))!
  const waiting = sessions.eventsAfter(id, 0, 60_000)
  sessions.failed(fault)
  expect(await waiting).toEqual([{ type: 'fault', number: 1, ...fault }])
  sessions.failed(fault)
  const numbers = async (after: number) => (await sessions.eventsAfter(id, after, 0))?.map(({ number }) => number)
  expect([await numbers(0), await numbers(1), await numbers(2)]).toEqual([[1, 2], [2], []])
})

it('keeps a bounded number of events and of working copies', async () => {
  void create()
  const id = sessions.open(entry('/0.ts'))!
  for (let count = 0; count < 1_200; count++) sessions.failed(fault)
  const events = (await sessions.eventsAfter(id, 0, 0)) as readonly DevEvent[]
  expect([events.length, events[0]!.number, events.at(-1)!.number]).toEqual([1_000, 201, 1_200])
  const opened = Array.from({ length: 20 }, (_, index) => sessions.open(entry(`/${index + 1}.ts`)))
  expect(opened.filter((one) => one !== undefined)).toHaveLength(15)
})
