import { connect, createServer, type AddressInfo, type LookupFunction, type Socket } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Lookups } from './lookup.ts'

type Answer = Parameters<LookupFunction>[2]

/** A resolver that answers when it is told to. */
function resolver() {
  const asked: { readonly hostname: string; readonly answer: Answer }[] = []
  const resolve: LookupFunction = (hostname, _options, answer) => void asked.push({ hostname, answer })
  const lookups = new Lookups(resolve)
  return { asked, lookups, lookup: lookups.lookup }
}

describe('a lookup', () => {
  it('is made once for all who wait for it, and anew for who comes later', () => {
    const { asked, lookup } = resolver()
    const got: unknown[] = []
    const ask = (): void => lookup('a.test', { all: true }, (...result) => void got.push(result))
    for (let count = 0; count < 20; count++) ask()
    expect(asked.map(({ hostname }) => hostname)).toEqual(['a.test'])
    asked[0]!.answer(null, [{ address: '192.0.2.1', family: 4 }])
    expect(got).toEqual(Array.from({ length: 20 }, () => [null, [{ address: '192.0.2.1', family: 4 }]]))
    ask()
    expect(asked).toHaveLength(2)
  })

  it('fails for all who wait for it, whatever one of them does then', () => {
    const { asked, lookup } = resolver()
    const gone = new Error('ENOTFOUND')
    const got: unknown[] = []
    lookup('a.test', {}, () => lookup('a.test', {}, () => undefined))
    lookup('a.test', {}, (error) => void got.push(error))
    asked[0]!.answer(gone, '', 0)
    expect(got).toEqual([gone])
    expect(asked).toHaveLength(2)
  })

  it('is one of its own for another name, and for another kind of answer', () => {
    const { asked, lookup } = resolver()
    for (const name of ['a.test', 'b.test']) for (const all of [true, false]) lookup(name, { all }, () => undefined)
    expect(asked).toHaveLength(2)
    for (let at = 0; at < 2; at++) asked[at]!.answer(null, [])
    expect(asked).toHaveLength(4)
  })

  it('waits while two others run, and is made in its turn', () => {
    const { asked, lookup } = resolver()
    const names = (): readonly string[] => asked.map(({ hostname }) => hostname)
    for (const name of ['a.test', 'b.test', 'c.test', 'd.test']) lookup(name, {}, () => undefined)
    expect(names()).toEqual(['a.test', 'b.test'])
    asked[1]!.answer(null, '192.0.2.1', 4)
    expect(names()).toEqual(['a.test', 'b.test', 'c.test'])
    asked[0]!.answer(new Error('ENOTFOUND'), '', 0)
    expect(names()).toEqual(['a.test', 'b.test', 'c.test', 'd.test'])
  })

  it('that waits is given up when the last socket closes that asked for it', async () => {
    const { asked, lookups } = resolver()
    const open = (host: string): Socket =>
      lookups.connect(() => connect({ host, port: 9, lookup: lookups.lookup }).on('error', () => undefined))
    for (const name of ['a.test', 'b.test']) open(name)
    const [first, second, other] = [open('c.test'), open('c.test'), open('d.test')]
    for (const socket of [first, other]) {
      socket.destroy()
      await once(socket, 'close')
    }
    asked[0]!.answer(new Error('ENOTFOUND'), '', 0)
    asked[1]!.answer(new Error('ENOTFOUND'), '', 0)
    expect(asked.map(({ hostname }) => hostname)).toEqual(['a.test', 'b.test', 'c.test'])
    second.destroy()
  })

  it.each(['localhost', 'LOCALHOST', 'localhost.', 'app.localhost'])('is not needed for %s', async (name) => {
    const { asked, lookup } = resolver()
    const ask = (options: Parameters<LookupFunction>[1]): Promise<unknown> =>
      new Promise((resolve) => lookup(name, options, (...result) => resolve(result)))
    expect(await ask({ all: true })).toEqual([
      null,
      [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ],
    ])
    expect(await ask({ family: 6 })).toEqual([null, '::1', 6])
    expect(asked).toEqual([])
  })

  it('leads to a server by its name', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connect({ host: 'localhost', port, lookup: new Lookups().lookup })
    await once(socket, 'connect')
    socket.destroy()
    server.close()
  })
})
