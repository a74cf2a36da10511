import { connect, createServer, type AddressInfo, type LookupFunction } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createLookup } from './lookup.ts'

type Answer = Parameters<LookupFunction>[2]

/** A resolver that answers when it is told to. */
function resolver() {
  const asked: { readonly hostname: string; readonly answer: Answer }[] = []
  const resolve: LookupFunction = (hostname, _options, answer) => void asked.push({ hostname, answer })
  return { asked, lookup: createLookup(resolve) }
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
    expect(asked).toHaveLength(4)
  })

  it('leads to a server by its name', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect({ host: 'localhost', port: (server.address() as AddressInfo).port, lookup: createLookup() })
    await once(socket, 'connect')
    socket.destroy()
    server.close()
  })
})
