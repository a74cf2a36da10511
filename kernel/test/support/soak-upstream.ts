import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/*
 * A slow upstream in the OpenAI form that says what it was asked. The path's first part is the provider; the prompt
 * says how it answers: `words=<number> every=<ms>`, with `hold=<name>` to wait for a release before the last word, and
 * `stamped` for words that tell when they were sent.
 */

/** A running slow upstream. */
export interface SlowUpstream {
  readonly port: number
  /** Answers that have begun. */
  readonly begun: number
  /** Lets every answer that is held under this name go on, now and later. */
  release(name: string): void
  /** Closes the connections on which nothing runs. */
  closeIdle(): void
  close(): Promise<void>
}

/** Starts it on a free port of loopback. */
export async function startSlowUpstream(): Promise<SlowUpstream> {
  const released = new Set<string>()
  const held = new Map<string, (() => void)[]>()
  let begun = 0
  const hold = (name: string): Promise<void> | undefined => {
    if (released.has(name)) return undefined
    return new Promise((resolve) => held.set(name, [...(held.get(name) ?? []), resolve]))
  }
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      begun++
      const provider = request.url?.split('/')[1] ?? ''
      // A router that has gone is seen where its answer is checked.
      answer(response, provider, Buffer.concat(parts).toString('utf8'), hold).catch(() => response.destroy())
    })
  })
  server.keepAliveTimeout = 30_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get begun() {
      return begun
    },
    release(name) {
      released.add(name)
      for (const resolve of held.get(name) ?? []) resolve()
      held.delete(name)
    },
    closeIdle: () => server.closeIdleConnections(),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Hold = (name: string) => Promise<void> | undefined

async function answer(response: ServerResponse, provider: string, text: string, hold: Hold): Promise<void> {
  const { model, stream } = JSON.parse(text) as { readonly model: string; readonly stream?: boolean }
  const number = (name: string): number => Number(new RegExp(`\\b${name}=(\\d+)`).exec(text)?.[1] ?? 0)
  const [words, everyMs] = [number('words'), number('every')]
  const held = /\bhold=(\w+)/.exec(text)?.[1]
  const stamped = text.includes('stamped')
  const begin = `${/\[sent [^\]]*\]/.exec(text)?.[0] ?? ''}[model ${provider}/${model}]`
  if (stream !== true) {
    response.setHeader('content-type', 'application/json')
    const message = { role: 'assistant', content: begin }
    const choices = [{ index: 0, message, finish_reason: 'stop' }]
    return void response.end(JSON.stringify({ id: 'c', model, choices }))
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const send = (choice: object): void => {
    const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, ...choice }] }
    response.write(`data: ${JSON.stringify(chunk)}\n\n`)
  }
  send({ delta: { role: 'assistant', content: begin } })
  for (let word = 0; word < words; word++) {
    await pause(everyMs, response)
    if (word === words - 1 && held !== undefined) await hold(held)
    if (response.destroyed) return
    send({ delta: { content: stamped ? ` t${performance.now()}` : ` w${word}` } })
  }
  send({ delta: {}, finish_reason: 'stop' })
  response.end('data: [DONE]\n\n')
}

/** Waits, but not for a client that has gone. */
function pause(ms: number, response: ServerResponse): Promise<void> | undefined {
  if (ms === 0) return undefined
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      response.off('close', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    response.on('close', done)
  })
}
