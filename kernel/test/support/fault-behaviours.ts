import { constants, createGzip } from 'node:zlib'
import {
  errorBody,
  errorEvent,
  pingEvent,
  textEvent,
  transcript,
  wholeAnswer,
  type Shape,
} from './fault-transcripts.ts'

/** One request, and the connection on which its fault plays. Writing resolves when the peer took it, or has left. */
export interface FaultTurn {
  readonly shape: Shape
  /** The request asked for a stream. */
  readonly stream: boolean
  readonly query: URLSearchParams
  /** The credential that came with the request. */
  readonly key: string
  /** The address of another fault of this upstream. */
  url(fault: string): string
  send(bytes: string | Uint8Array): Promise<void>
  /** Ends the connection in order. */
  fin(): void
  /** Ends it with a reset. */
  reset(): void
  readonly gone: boolean
  wait(ms: number): Promise<void>
}

/** What a fault does with a request; the connection stays open unless it ends it. */
export type FaultBehaviour = (turn: FaultTurn) => Promise<void> | void

const SSE = 'content-type: text/event-stream'

const statusLine = (status: number): string => `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Fault'}\r\n`
const head = (status: number, ...headers: readonly string[]): string =>
  `${statusLine(status)}${[...headers, 'connection: close'].join('\r\n')}\r\n\r\n`
const streamHead = head(200, SSE, 'transfer-encoding: chunked')
const LAST_CHUNK = '0\r\n\r\n'

function chunk(bytes: string | Uint8Array): Buffer {
  const body = Buffer.from(bytes as string)
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')])
}

const frames = (events: readonly string[]): string => events.map((event) => `${event}\n\n`).join('')

/** A complete body with its length. */
async function whole(turn: FaultTurn, status: number, type: string, body: string, ...headers: string[]): Promise<void> {
  const length = `content-length: ${Buffer.byteLength(body)}`
  await turn.send(head(status, `content-type: ${type}`, length, ...headers) + body)
  turn.fin()
}

const json = (turn: FaultTurn, status: number, value: object, ...headers: string[]): Promise<void> =>
  whole(turn, status, 'application/json', JSON.stringify(value), ...headers)

/** The head of a stream, these events one by one, and no end. */
async function begin(turn: FaultTurn, events: readonly string[]): Promise<void> {
  await turn.send(streamHead)
  for (const event of events) await turn.send(chunk(`${event}\n\n`))
}

/** A stream that ends in order after these events. */
async function streamed(turn: FaultTurn, events: readonly string[]): Promise<void> {
  await begin(turn, events)
  await turn.send(LAST_CHUNK)
  turn.fin()
}

/** A stream of these very bytes, in one chunk, ending in order. */
async function streamedBytes(turn: FaultTurn, bytes: string | Uint8Array): Promise<void> {
  await turn.send(streamHead)
  await turn.send(chunk(bytes))
  await turn.send(LAST_CHUNK)
  turn.fin()
}

const all = (shape: Shape): readonly string[] => {
  const { opening, pieces, closing } = transcript(shape)
  return [...opening, ...pieces, ...closing]
}

/** The opening and the first two pieces of text: enough for the router to commit. */
const someOf = (shape: Shape): readonly string[] => {
  const { opening, pieces } = transcript(shape)
  return [...opening, ...pieces.slice(0, 2)]
}

/** Long enough for what was sent to be read before a reset discards it. */
const SETTLE_MS = 60

/** Repeats `bytes` until the peer has left or, if given, `limit` bytes are out. */
async function flood(turn: FaultTurn, bytes: string | Uint8Array, limit = Infinity): Promise<void> {
  for (let sent = 0; !turn.gone && sent < limit; sent += bytes.length) await turn.send(bytes)
}

const ok: FaultBehaviour = (turn) =>
  turn.stream ? streamed(turn, all(turn.shape)) : json(turn, 200, wholeAnswer(turn.shape))

const status = (turn: FaultTurn, code: number): Promise<void> => {
  const leak = turn.query.has('leak') ? ` for key ${turn.key}` : ''
  const stack = turn.query.has('stack') ? '\n    at send (/srv/upstream/secret-path.js:12:34)' : ''
  const retryAfter = turn.query.get('retry-after')
  const headers = retryAfter === null ? [] : [`retry-after: ${retryAfter}`]
  return json(turn, code, errorBody(turn.shape, code, `the upstream says ${code}${leak}${stack}`), ...headers)
}

const html = (turn: FaultTurn, code: number): Promise<void> =>
  whole(turn, code, 'text/html', '<html><head><title>portal-canary</title></head><body>sign in</body></html>')

async function gzbomb(turn: FaultTurn): Promise<void> {
  await turn.send(head(200, 'content-type: application/json', 'content-encoding: gzip', 'transfer-encoding: chunked'))
  const gzip = createGzip({ level: constants.Z_BEST_SPEED })
  const block = Buffer.alloc(1024 * 1024, ' ')
  let left = Number(turn.query.get('mb') ?? 100)
  const feed = (): void => {
    if (left-- > 0 && !turn.gone) gzip.write(block, feed)
    else gzip.end()
  }
  feed()
  for await (const bytes of gzip) {
    if (turn.gone) return
    await turn.send(chunk(bytes as Buffer))
  }
  await turn.send(LAST_CHUNK)
  turn.fin()
}

async function slow(turn: FaultTurn): Promise<void> {
  await turn.send(streamHead)
  const ms = Number(turn.query.get('ms') ?? 100)
  const { opening, pieces, closing } = transcript(turn.shape)
  const repeats = Number(turn.query.get('repeat') ?? 1)
  const middle = Array.from({ length: repeats }, () => pieces).flat()
  for (const event of [...opening, ...middle, ...closing]) {
    await turn.wait(ms)
    await turn.send(chunk(`${event}\n\n`))
  }
  await turn.send(LAST_CHUNK)
  turn.fin()
}

async function bytewise(turn: FaultTurn): Promise<void> {
  await turn.send(streamHead)
  for (const byte of Buffer.from(frames(all(turn.shape)))) {
    await turn.send(chunk(Uint8Array.of(byte)))
    await turn.wait(0)
  }
  await turn.send(LAST_CHUNK)
  turn.fin()
}

async function pings(turn: FaultTurn, events: readonly string[]): Promise<void> {
  await begin(turn, events)
  while (!turn.gone) {
    await turn.send(chunk(`${pingEvent(turn.shape)}\n\n`))
    await turn.wait(Number(turn.query.get('ms') ?? 20))
  }
}

async function infinite(turn: FaultTurn): Promise<void> {
  await begin(turn, transcript(turn.shape).opening)
  await flood(turn, chunk(`${textEvent(turn.shape, 'x'.repeat(4096))}\n\n`.repeat(4)))
}

/** A healthy stream whose bytes are spelled in another way. */
const respelled = (change: (text: string) => string): FaultBehaviour => {
  return (turn) => streamedBytes(turn, change(frames(all(turn.shape))))
}

/** Every fault but `status-<code>`. */
export const FAULTS: Readonly<Record<string, FaultBehaviour>> = {
  ok,
  'ok-anthropic': ok,
  'html-200': (turn) => html(turn, 200),
  'html-502': (turn) => html(turn, 502),
  'empty-200': async (turn) => {
    await turn.send(head(200, 'content-length: 0'))
    turn.fin()
  },
  'empty-sse': (turn) => streamed(turn, []),
  'error-200': (turn) => json(turn, 200, errorBody(turn.shape, 529, 'too busy')),
  'eof-clean': (turn) => streamed(turn, someOf(turn.shape)),
  'trunc-json': async (turn) => {
    await begin(turn, someOf(turn.shape))
    await turn.send(chunk(textEvent(turn.shape, 'never whole').slice(0, -9)))
    await turn.send(LAST_CHUNK)
    turn.fin()
  },
  'err-first': (turn) => streamed(turn, [errorEvent(turn.shape)]),
  'err-in-stream': (turn) => streamed(turn, [...someOf(turn.shape), errorEvent(turn.shape)]),
  'err-bare': (turn) => streamed(turn, [...someOf(turn.shape), JSON.stringify(errorBody(turn.shape, 529, 'too busy'))]),
  'reset-before': (turn) => turn.reset(),
  'fin-before': (turn) => turn.fin(),
  'reset-mid': async (turn) => {
    await begin(turn, someOf(turn.shape))
    await turn.wait(SETTLE_MS)
    turn.reset()
  },
  'fin-mid': async (turn) => {
    await begin(turn, someOf(turn.shape))
    turn.fin()
  },
  'reset-unmarked': async (turn) => {
    await begin(turn, all(turn.shape).slice(0, -1))
    await turn.wait(SETTLE_MS)
    turn.reset()
  },
  'fin-unmarked': async (turn) => {
    await begin(turn, all(turn.shape).slice(0, -1))
    turn.fin()
  },
  'half-unmarked': async (turn) => {
    const events = all(turn.shape)
    await begin(turn, events.slice(0, -1))
    await turn.send(chunk(events.at(-1)!.slice(0, -4)))
    await turn.wait(SETTLE_MS)
    turn.reset()
  },
  'hang-unmarked': (turn) => begin(turn, all(turn.shape).slice(0, -1)),
  'hang-headers': () => undefined,
  'hang-body': (turn) => turn.send(streamHead),
  'hang-mid': (turn) => begin(turn, someOf(turn.shape)),
  'hang-close': (turn) => begin(turn, all(turn.shape)),
  junk: async (turn) => {
    await turn.send('\u0000\u0001 nothing like a status line\r\n\r\n')
    turn.fin()
  },
  bighdr: async (turn) => {
    await turn.send(`${statusLine(200)}x-big: `)
    await flood(turn, 'x'.repeat(64 * 1024), 2 * 1024 * 1024)
    await turn.send(`\r\n${SSE}\r\n\r\n`)
    turn.fin()
  },
  redirect: (turn) => json(turn, 307, {}, `location: ${turn.query.get('to') ?? turn.url('redirect-target')}`),
  'redirect-target': ok,
  'json-for-stream': (turn) => json(turn, 200, wholeAnswer(turn.shape)),
  'json-bom': (turn) => whole(turn, 200, 'application/json', `\uFEFF${JSON.stringify(wholeAnswer(turn.shape))}`),
  'sse-for-json': (turn) => streamed(turn, all(turn.shape)),
  slow,
  infinite,
  bytewise,
  crlf: respelled((text) => text.replaceAll('\n', '\r\n')),
  'cr-only': respelled((text) => text.replaceAll('\n', '\r')),
  nospace: respelled((text) => text.replace(/^(data|event): /gm, '$1:')),
  bom: respelled((text) => `\uFEFF${text}`),
  comments: respelled((text) => text.replace(/^(?=data|event)/gm, ': a comment\nid: 7\nretry: 5\n')),
  // The first comma of every event stands between two JSON tokens, where a line end changes nothing.
  multiline: respelled((text) => text.replace(/^(data: \{[^,\n]*,)(?=.)/gm, '$1\ndata: ')),
  'after-stop': (turn) =>
    streamed(turn, [...all(turn.shape), ...transcript(turn.shape).pieces, errorEvent(turn.shape)]),
  clmismatch: async (turn) => {
    const body = turn.stream ? frames(someOf(turn.shape)) : JSON.stringify(wholeAnswer(turn.shape))
    const type = turn.stream ? SSE : 'content-type: application/json'
    await turn.send(head(200, type, `content-length: ${Buffer.byteLength(body) + 1000}`) + body)
    turn.fin()
  },
  gzbomb,
  'badjson-mid': (turn) => {
    const { opening, pieces, closing } = transcript(turn.shape)
    const broken = (pieces[2] ?? '').replace(/\}$/, ']')
    return streamed(turn, [...opening, ...pieces.slice(0, 2), broken, ...pieces.slice(3), ...closing])
  },
  'bad-utf8': (turn) => {
    const text = frames(all(turn.shape))
    const cut = text.indexOf('Norden')
    return streamedBytes(
      turn,
      Buffer.concat([Buffer.from(text.slice(0, cut)), Buffer.of(0xff), Buffer.from(text.slice(cut))]),
    )
  },
  hugeline: async (turn) => {
    await begin(turn, transcript(turn.shape).opening)
    await turn.send(chunk('data: {"x":"'))
    await flood(turn, chunk('x'.repeat(64 * 1024)), Number(turn.query.get('mb') ?? 64) * 1024 * 1024)
    turn.fin()
  },
  'only-pings': (turn) => pings(turn, []),
  'pings-mid': (turn) => pings(turn, someOf(turn.shape)),
}

/** The behaviour of a fault, `status-<code>` included. */
export function behaviourOf(fault: string): FaultBehaviour | undefined {
  const code = /^status-(\d{3})$/.exec(fault)?.[1]
  if (code !== undefined) return (turn) => status(turn, Number(code))
  return Object.hasOwn(FAULTS, fault) ? FAULTS[fault] : undefined
}
