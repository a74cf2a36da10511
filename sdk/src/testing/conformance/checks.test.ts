import { lookup } from 'node:dns'
import { connect } from 'node:net'
import {
  definePlugin,
  Type,
  type CanonicalEvent,
  type Plugin,
  type PluginContext,
  type PluginDraft,
  type TargetDialect,
} from '@ccr/sdk'
import { afterAll, describe, expect, it } from 'vitest'
import { fixtures } from '../fixtures.ts'
import { ConformanceError, type ConformanceCases, type ConformanceLimits } from './cases.ts'
import { conformanceChecks, describePlugin } from './describe.ts'

type Draft = PluginDraft<Record<never, never>, Record<never, never>>

const closed = { additionalProperties: false }

/** A plugin that keeps every rule, but for what is given. */
function plugin(draft: Partial<Draft>): Plugin {
  const options = Type.Object({}, closed)
  return definePlugin({ name: 'probe', apiVersion: 1, description: 'A probe.', options, activate() {}, ...draft })
}

/** What a row leaves on purpose. */
const debris: (() => void)[] = []
afterAll(() => debris.forEach((remove) => remove()))

interface Row {
  readonly check: string
  readonly fault: string
  readonly plugin: Plugin
  readonly cases?: ConformanceCases
  readonly limits?: ConformanceLimits
  readonly says: RegExp
}

const optionsOf = (
  properties: Parameters<typeof Type.Object>[0],
  more: { additionalProperties?: boolean | object } = closed,
): Partial<Draft> => ({
  options: Type.Object(properties, more) as unknown as Draft['options'],
})

const onActivate = (activate: (ctx: PluginContext) => void | Promise<void>): Plugin =>
  plugin({ activate: activate as Draft['activate'] })

/** Lines of JSON; characters that a read cuts in two, and lines that it cuts, are lost. */
function carelessDialect(ctx: PluginContext, target: Partial<TargetDialect<object, CanonicalEvent>> = {}): void {
  ctx.dialect<object, CanonicalEvent>({
    name: 'careless',
    target: {
      encode: (request) => request,
      address: ({ baseUrl }) => ({ url: baseUrl, headers: {} }),
      reader: () => ({
        push: (bytes, emit) => {
          for (const line of Buffer.from(bytes).toString().split('\n')) {
            if (line.endsWith('}')) emit(JSON.parse(line) as CanonicalEvent)
          }
        },
        end: () => undefined,
      }),
      explode: () => [],
      decoder: () => ({ chunk: (event, emit) => emit(event) }),
      error: () => undefined,
      ...target,
    },
  })
}
const lines = fixtures
  .answer()
  .map((event) => `${JSON.stringify(event)}\n`)
  .join('')
const careless: ConformanceCases = {
  streams: [{ dialect: 'careless', answer: lines, contentType: 'application/jsonl' }],
}

const kept: unknown[] = []

/** For each check one plugin that only this check catches. */
const ROWS: readonly Row[] = [
  {
    check: 'its options are closed and documented',
    fault: 'options that may hold anything',
    plugin: plugin(optionsOf({}, {})),
    says: /the options may hold unknown keys/,
  },
  {
    check: 'its options are accepted and refused as the cases say',
    fault: 'an option without the bound that the cases know',
    plugin: plugin(optionsOf({ rpm: Type.Integer({ default: 1, description: 'Requests per minute.' }) })),
    cases: { invalid: [{ options: { rpm: 0 }, pointer: '/rpm' }] },
    says: /the invalid options \{"rpm":0\} are accepted/,
  },
  {
    check: 'it activates in time, without a network',
    fault: 'an activation that asks a server, and does without when there is none',
    plugin: onActivate(
      () =>
        new Promise(
          (resolve) =>
            void connect(9, '127.0.0.1')
              .once('error', () => resolve())
              .once('connect', resolve),
        ),
    ),
    says: /its activation asked 127\.0\.0\.1:9/,
  },
  {
    check: 'it registers what it declares',
    fault: 'a contribution that is not declared',
    plugin: onActivate((ctx) => ctx.contribute('providers', { name: 'extra', models: ['m'], async *local() {} })),
    says: /uses 'providers' without declaring it; add it to contributes/,
  },
  {
    check: 'its handlers take part in an exchange',
    fault: 'a stage that throws at text',
    plugin: onActivate((ctx) =>
      ctx.on('transformStream', (stream) =>
        stream.pipe('canonical', {
          chunk: (event, emit) => {
            if (event.type === 'content_block_stop') throw new Error('boo')
            emit(event)
          },
        }),
      ),
    ),
    says: /transformStream failed in a plain exchange: .*boo/,
  },
  {
    check: 'it does not change what it is given',
    fault: 'a handler that adds to the body',
    plugin: onActivate((ctx) =>
      ctx.on('transformRequest', (outbound) => void ((outbound.body as { added?: boolean }).added = true)),
    ),
    says: /it changes what it is given: the outbound request of transformRequest/,
  },
  {
    check: 'an answer cut at any byte stays the same',
    fault: 'a reader that forgets what a read cuts',
    plugin: onActivate((ctx) => carelessDialect(ctx)),
    cases: careless,
    says: /an answer that is cut at every byte becomes another one/,
  },
  {
    check: 'a client that leaves leaves nothing behind',
    fault: 'a timer of an answer that only its end stops',
    plugin: onActivate((ctx) =>
      ctx.on('transformStream', (stream) => {
        const timer = setInterval(() => undefined, 1000)
        debris.push(() => clearInterval(timer))
        stream.pipe('canonical', { chunk: (event, emit) => emit(event), flush: () => clearInterval(timer) })
      }),
    ),
    says: /an exchange whose client left has left a timer \(.*checks\.test\.ts/,
  },
  {
    check: '20 reloads leave nothing behind',
    fault: 'a timer of the plugin that nothing stops',
    plugin: onActivate(() => {
      const timer = setInterval(() => undefined, 1000)
      debris.push(() => clearInterval(timer))
    }),
    says: /reloads left a timer/,
  },
  {
    check: 'disposing it twice is harmless',
    fault: 'an inverse that counts on being first',
    plugin: onActivate((ctx) => {
      let open: { close(): void } | undefined = { close: () => undefined }
      ctx.effect(() => {
        open!.close()
        open = undefined
      })
    }),
    says: /an inverse throws when it is run again/,
  },
]

async function failures({ plugin: probe, cases, limits }: Row): Promise<readonly (readonly [string, string])[]> {
  const found: (readonly [string, string])[] = []
  for (const { name, run } of conformanceChecks(probe, cases, limits)) {
    await run().catch((thrown: unknown) => {
      expect(thrown).toBeInstanceOf(ConformanceError)
      found.push([name, (thrown as Error).message])
    })
  }
  return found
}

describe('of all checks', { timeout: 20_000 }, () => {
  it('every one has its row', () => {
    expect(ROWS.map(({ check }) => check)).toEqual(conformanceChecks(plugin({})).map(({ name }) => name))
  })

  it.each(ROWS)('only "$check" catches $fault', async (row) => {
    expect(await failures(row)).toEqual([[row.check, expect.stringMatching(row.says)]])
  })

  it('none catches a plugin that keeps the rules', async () => {
    const timer = new Set<NodeJS.Timeout>()
    const good = onActivate((ctx) => {
      const poller = setInterval(() => undefined, 1000)
      timer.add(poller)
      ctx.effect(() => clearInterval(poller))
      ctx.on('transformRequest', (outbound) => ({ ...outbound, headers: { ...outbound.headers, 'x-probe': '1' } }))
      ctx.on('transformStream', (stream) => {
        const watchdog = setTimeout(() => undefined, 1000)
        const stop = (): void => clearTimeout(watchdog)
        stream.pipe('canonical', { chunk: (event, emit) => emit(event), flush: stop, abort: stop })
      })
    })
    for (const { run } of conformanceChecks(good)) expect(await run()).toBe('passed')
    expect(timer.size).toBeGreaterThan(20)
  })

  it('none catches options that may hold any key where it is said what these are', async () => {
    const fields = Type.Unknown({ description: 'A field of the protocol.' })
    const good = plugin(optionsOf({}, { additionalProperties: fields }))
    const checks = conformanceChecks(good, { valid: [{ any: { a: 1 } }] }).slice(0, 2)
    for (const { run } of checks) expect(await run()).toBe('passed')
  })
})

const open = Type.Object({ x: Type.String({ description: 'An x.' }) })
const holders = {
  list: Type.Array(open, { description: 'A list.' }),
  tuple: Type.Tuple([Type.String(), open], { description: 'A tuple.' }),
  map: Type.Record(Type.String(), open, { description: 'A map.' }),
  rest: Type.Object({}, { additionalProperties: open, description: 'All others.' }),
  union: Type.Union([Type.Null(), open], { description: 'A union.' }),
  intersection: Type.Intersect([open], { description: 'An intersection.' }),
}

/** Further faults, each with the check that is for it. */
const VARIANTS: readonly Row[] = [
  ...Object.entries(holders).map(([name, holder]) => ({
    check: 'its options are closed and documented',
    fault: `an open object in ${name}`,
    plugin: plugin(optionsOf({ [name]: Type.Optional(holder) })),
    says: new RegExp(`the option /${name}\\S* may hold unknown keys`),
  })),
  {
    check: 'its options are closed and documented',
    fault: 'options that may hold keys that nobody explains',
    plugin: plugin(optionsOf({}, { additionalProperties: {} })),
    says: /the options may hold unknown keys/,
  },
  {
    check: 'its options are closed and documented',
    fault: 'an inner object that is open',
    plugin: plugin(optionsOf({ a: Type.Object({}, { description: 'An a.', default: {} }) })),
    says: /the option \/a may hold unknown keys/,
  },
  {
    check: 'its options are closed and documented',
    fault: 'an option that nobody explains',
    plugin: plugin(optionsOf({ a: Type.String({ default: '' }) })),
    says: /the option \/a has no description/,
  },
  {
    check: 'its options are closed and documented',
    fault: 'a default that does not fit',
    plugin: plugin(optionsOf({ a: Type.Integer({ minimum: 1, default: 0, description: 'A number.' }) })),
    says: /the default of \/a does not fit its own schema/,
  },
  {
    check: 'its options are closed and documented',
    fault: 'a config section that nobody explains',
    plugin: plugin({ config: { Own: Type.Optional(Type.String()) } }),
    says: /the config section 'Own' has no description/,
  },
  {
    check: 'its options are accepted and refused as the cases say',
    fault: 'valid options that it refuses',
    plugin: plugin({}),
    cases: { valid: [{ a: 1 }] },
    says: /the valid options \{"a":1\} are refused/,
  },
  {
    check: 'its options are accepted and refused as the cases say',
    fault: 'required options without a case that has them',
    plugin: plugin(optionsOf({ a: Type.Number({ description: 'A number.' }) })),
    says: /^no case says which options it accepts, and \{\} is refused: .* a; add `valid` cases, as in conformance\.ts/,
  },
  {
    check: 'its options are accepted and refused as the cases say',
    fault: 'another pointer than the cases have',
    plugin: plugin({}),
    cases: { invalid: [{ options: { a: 1 }, pointer: '/b' }] },
    says: /are refused, but not at \/b: \/a /,
  },
  {
    check: 'it activates in time, without a network',
    fault: 'an activation that does not end',
    plugin: onActivate(() => new Promise(() => undefined)),
    limits: { activateMs: 20 },
    says: /could not be activated/,
  },
  {
    check: 'it activates in time, without a network',
    fault: 'an activation that throws with other options',
    plugin: plugin({
      ...optionsOf({ a: Type.Boolean({ default: false, description: 'Whether.' }) }),
      activate: (({ options }: PluginContext<{ a: boolean }>) => {
        if (options.a) throw new Error('boo')
      }) as unknown as Draft['activate'],
    }),
    cases: { valid: [{}, { a: true }] },
    says: /could not be activated: boo/,
  },
  {
    check: 'it activates in time, without a network',
    fault: 'an activation that looks a name up',
    plugin: onActivate(() => new Promise((resolve) => lookup('localhost', () => resolve()))),
    says: /its activation asked a name/,
  },
  {
    check: 'it registers what it declares',
    fault: 'a service that is declared and not offered',
    plugin: plugin({ provides: ['tokens'] }),
    says: /declares the service 'tokens' and did not provide it/,
  },
  {
    check: 'it registers what it declares',
    fault: 'a secret that is not declared',
    plugin: onActivate((ctx) => void ctx.secrets.get('EXAMPLE_KEY')),
    says: /EXAMPLE_KEY/,
  },
  {
    check: 'its handlers take part in an exchange',
    fault: 'a route that throws',
    plugin: onActivate((ctx) => ctx.on('selectRoute', () => Promise.reject(new Error('boo')))),
    says: /selectRoute failed in a plain exchange: .*boo/,
  },
  {
    check: 'its handlers take part in an exchange',
    fault: 'a dialect that takes its own answers for something else',
    plugin: onActivate((ctx) => carelessDialect(ctx, { reader: () => undefined })),
    cases: careless,
    says: /its dialect makes no answer of its own streams: .*neither.*; correct the dialect, or the stream/,
  },
  {
    check: 'its handlers take part in an exchange',
    fault: 'a dialect that loses the end of its answers',
    plugin: onActivate((ctx) => carelessDialect(ctx, { decoder: () => ({ chunk: () => undefined }) })),
    cases: careless,
    says: /its dialect makes no answer of its own streams/,
  },
  {
    check: 'it does not change what it is given',
    fault: 'a handler that changes the request later',
    plugin: onActivate((ctx) =>
      ctx.on('selectRoute', async (_, { request }) => {
        await Promise.resolve()
        ;(request.messages as unknown[]).pop()
      }),
    ),
    says: /the plan or request of selectRoute/,
  },
  {
    check: 'it does not change what it is given',
    fault: 'a stage that changes an event',
    plugin: onActivate((ctx) =>
      ctx.on('transformStream', (stream) =>
        stream.pipe('canonical', {
          chunk: (event, emit) => {
            if (event.type === 'content_block_start') (event as { index: number }).index += 0.5
            emit(event)
          },
        }),
      ),
    ),
    says: /an event of transformStream/,
  },
  {
    check: 'an answer cut at any byte stays the same',
    fault: 'a dialect of which there is no stream',
    plugin: onActivate((ctx) => carelessDialect(ctx)),
    says: /the dialect 'careless', of which the checks know none; add one/,
  },
  {
    check: 'an answer cut at any byte stays the same',
    fault: 'answers that differ by chance',
    plugin: onActivate((ctx) => {
      let count = kept.length
      ctx.on('transformStream', (stream) => {
        const text = `${(count += kept.push('once'))}`
        stream.pipe('canonical', {
          chunk: (event, emit) =>
            emit(
              event.type === 'content_block_delta' && event.delta.type === 'text_delta'
                ? { ...event, delta: { type: 'text_delta', text } }
                : event,
            ),
        })
      })
    }),
    says: /two equal answers of an upstream become different ones/,
  },
  {
    check: '20 reloads leave nothing behind',
    fault: 'a listener of the process',
    plugin: onActivate(() => {
      const listener = (): void => undefined
      // Node warns of more than ten.
      if (process.listenerCount('SIGUSR2') > 3) return
      process.on('SIGUSR2', listener)
      debris.push(() => process.off('SIGUSR2', listener))
    }),
    says: /a listener of the process for 'SIGUSR2'/,
  },
  {
    check: '20 reloads leave nothing behind',
    fault: 'memory that is kept',
    plugin: onActivate(() => void kept.push(Buffer.alloc(200_000))),
    says: /20 reloads left \d+ bytes/,
  },
  {
    check: '20 reloads leave nothing behind',
    fault: 'contexts that are kept',
    plugin: onActivate((ctx) => void kept.push(() => ctx)),
    says: /(?:2|4)\d of (?:2|4)\d disposed instances are still held/,
  },
  {
    check: 'disposing it twice is harmless',
    fault: 'an inverse that throws',
    plugin: onActivate((ctx) => ctx.effect(() => Promise.reject(new Error('boo')))),
    says: /an inverse given to ctx\.effect or ctx\.whileLive threw/,
  },
]

describe('a check', { timeout: 20_000 }, () => {
  it.each(VARIANTS)('catches $fault', async ({ check, plugin: probe, cases, limits, says }) => {
    const { run } = conformanceChecks(probe, cases, limits).find(({ name }) => name === check)!
    await expect(run()).rejects.toThrow(says)
  })
})

describe('a plugin that remembers its answers', { timeout: 20_000 }, () => {
  it('is asked afresh for every cut', async () => {
    const counting = onActivate((ctx) => {
      let answers = 0
      ctx.on('transformStream', (stream) => {
        const count = ++answers
        stream.pipe('canonical', {
          chunk: (event, emit) =>
            emit(event.type === 'message_start' ? { ...event, message: { ...event.message, id: `m${count}` } } : event),
        })
      })
    })
    const cases: ConformanceCases = {
      streams: [{ dialect: 'plain', answer: fixtures.toSse(fixtures.answer()).slice(0, 420) }],
    }
    const { run } = conformanceChecks(counting, cases).find(({ name }) => name.includes('cut'))!
    expect(await run()).toBe('passed')
  })
})

describe('describePlugin', () => {
  it('declares every check with the runner that it is given', async () => {
    const declared: string[] = []
    const run: (() => Promise<void>)[] = []
    describePlugin(
      plugin({}),
      {},
      {
        describe: (name, body) => {
          declared.push(name)
          body()
        },
        it: (name, body) => {
          declared.push(name)
          run.push(body)
        },
      },
    )
    expect(declared).toEqual(['the plugin probe', ...conformanceChecks(plugin({})).map(({ name }) => name)])
    await expect(run[0]!()).resolves.toBeUndefined()
  })
})
