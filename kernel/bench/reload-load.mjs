// Streams with a paced upstream, and how late each chunk of theirs arrives.
import { request } from 'node:http'

/**
 * Streams until it is stopped, one answer after the other.
 *
 * @param {(late: number, sentAt: number) => void} took milliseconds between the sending and the arrival of a chunk
 */
export function startStreams(url, { streams, words, everyMs }, took) {
  const content = `words=${words} every=${everyMs} stamped`
  const body = JSON.stringify({ model: 'bench', max_tokens: 64, stream: true, messages: [{ role: 'user', content }] })
  const faults = []
  let going = true
  const running = Promise.all(
    Array.from({ length: streams }, async () => {
      while (going && faults.length === 0) {
        await stream(url, body, () => going, took).catch((fault) => faults.push(fault))
      }
    }),
  )
  return {
    /** Leaves the streams. @throws the first fault that was not of its own making */
    async stop() {
      going = false
      await running
      if (faults.length > 0) throw faults[0]
    },
  }
}

function stream(url, body, going, took) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const call = request(`${url}/v1/messages`, { method: 'POST', agent: false, headers })
    call.on('error', (fault) => (going() ? reject(fault) : resolve()))
    call.on('response', (response) => {
      if (response.statusCode !== 200) reject(new Error(`a stream was answered with ${response.statusCode}`))
      let rest = ''
      let ended = false
      response.setEncoding('utf8')
      response.on('data', (text) => {
        const at = performance.now()
        const lines = (rest + text).split('\n')
        rest = lines.pop()
        for (const line of lines) {
          const sentAt = / t(\d+(?:\.\d+)?)/.exec(line)?.[1]
          if (sentAt !== undefined) took(at - Number(sentAt), Number(sentAt))
          else if (line.includes('message_stop')) ended = true
          else if (line.includes('event: error')) reject(new Error(`a stream failed: ${text}`))
        }
        if (!going()) call.destroy()
      })
      response.on('error', () => undefined)
      response.on('close', () => (ended || !going() ? resolve() : reject(new Error('a stream was cut'))))
    })
    call.end(body)
  })
}
