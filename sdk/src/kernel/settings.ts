import { Type, Value, type Static } from '../typebox/index.ts'

/** Node keeps no longer delay than this: a longer one would fire at once. */
const MAX_MS = 2 ** 31 - 1

const ms = (value: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: MAX_MS, default: value, description: `${description}, in milliseconds.` })

/** The timers of the router. Where the defaults come from: docs/design/exchange.md. */
export const Timeouts = Type.Object(
  {
    connect: ms(10_000, 'Longest time to reach an upstream, TLS included'),
    firstEvent: ms(120_000, 'Longest time from sending a request to its first substantive event'),
    idle: ms(90_000, 'Longest silence between two reads of an upstream stream'),
    progress: ms(300_000, 'Longest time in which a stream sends only pings and comments'),
    total: ms(600_000, 'Longest duration of a non-streaming attempt'),
    totalStream: ms(3_600_000, 'Longest duration of a streaming attempt'),
    attempts: ms(180_000, 'Time in which new attempts may begin'),
    keepAlive: ms(10_000, 'Time after which a waiting streaming client gets 200 and pings'),
    ping: ms(10_000, 'Interval of pings to a client that waits'),
    clientHeaders: ms(10_000, 'Longest time for the headers of a client request'),
    clientBody: ms(60_000, 'Longest time for a whole client request'),
    clientStall: ms(60_000, 'Longest time in which a client takes nothing of its answer'),
    clientIdle: ms(75_000, 'How long an idle client connection is kept'),
    queue: ms(10_000, 'Longest wait for a place among the running exchanges'),
    drain: ms(30_000, 'Longest time that running exchanges get when the router stops'),
    activate: ms(10_000, 'Longest activation of a plugin'),
    quarantine: ms(60_000, 'Time in which too many failures take a plugin out'),
    probation: ms(10_000, 'Time after a change in which a plugin that fails gets its previous code and options back'),
    reloadDebounce: ms(100, 'Quiet time after which a change is taken; ten times as long when changes do not end'),
    reloadPoll: ms(5_000, 'Interval at which watched files are also looked at unasked'),
  },
  { additionalProperties: false, default: {} },
)
export type Timeouts = Static<typeof Timeouts>

const MiB = 1024 * 1024
const IN_FLIGHT = 'Request bytes of what runs, of what waits and of what is on its way; an eighth of the heap at most'

const count = (value: number, description: string, minimum = 1) =>
  Type.Integer({ minimum, default: value, description: `${description}.` })
const bytes = (value: number, description: string, minimum = 1) => count(value, `${description}, in bytes`, minimum)

/** The limits of the router. */
export const Limits = Type.Object(
  {
    bodyBytes: bytes(32 * MiB, 'Largest client request'),
    headerBytes: bytes(16 * 1024, 'Largest head of a client request', 1024),
    answerBytes: bytes(64 * MiB, 'Largest non-streaming answer of an upstream, decompressed'),
    errorBytes: bytes(64 * 1024, 'How much of an error answer is read'),
    heldEvents: count(64, 'Events kept back before the first substantive one'),
    heldBytes: count(256 * 1024, 'Bytes kept back before the first substantive event'),
    failures: count(5, 'Failures that take a plugin out'),
    generations: count(32, 'Replaced generations whose exchanges may still run; further changes wait'),
    attempts: Type.Integer({ minimum: 1, maximum: 10, default: 4, description: 'Attempts of one exchange.' }),
    inFlight: count(2048, 'Exchanges that run at once'),
    queued: count(64, 'Exchanges that wait for a place', 0),
    inFlightBytes: count(512 * MiB, IN_FLIGHT),
  },
  { additionalProperties: false, default: {} },
)
export type Limits = Static<typeof Limits>

export interface Settings {
  readonly timeouts: Timeouts
  readonly limits: Limits
}

/** Fills in the defaults. The parts must already fit their schemas. */
export function createSettings(
  parts: { readonly timeouts?: Partial<Timeouts>; readonly limits?: Partial<Limits> } = {},
): Settings {
  return {
    timeouts: Value.Default(Timeouts, { ...parts.timeouts }) as Timeouts,
    limits: Value.Default(Limits, { ...parts.limits }) as Limits,
  }
}
