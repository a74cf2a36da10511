import { expect, it } from 'vitest'
import { ChangeQueue } from './change-queue.ts'

function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open: () => open(), opened }
}

it('changes are taken one after another, and who waits to read the config shares that', async () => {
  const { open, opened } = gate()
  const log: string[] = []
  const queue = new ChangeQueue(
    async () => undefined,
    async (always) => void log.push(`read ${always}`),
  )
  const first = queue.next(() => opened.then(() => void log.push('first')))
  const seen = queue.readAgain(false)
  expect(queue.readAgain(true)).toBe(seen)
  const last = queue.next(async () => void log.push('last'))
  open()
  await Promise.all([first, seen, last])
  expect(log).toEqual(['first', 'read true', 'last'])
  await queue.readAgain(false)
  expect(log.at(-1)).toBe('read false')
})

it('a change that fails is no matter of the next one', async () => {
  const queue = new ChangeQueue(
    async () => undefined,
    () => Promise.reject(new Error('broken')),
  )
  const failing = queue.readAgain(false)
  const next = queue.next(async () => undefined)
  await expect(failing).rejects.toThrow('broken')
  await next
  await queue.settled
})
