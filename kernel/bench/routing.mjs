// What a routing decision costs, tokens included: the CPU time of a long conversation's next turn, and the longest time
// for which the event loop is away when a request is as large as one may be.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createConversation } from './routing-conversation.mjs'

const HELP = `Usage: npm run bench -- routing [options]

Measures the routers of the default preset, in this process; nobody is contacted.

  --turns N        turns of the conversation of 1 MB (default 60)
  --repeats N      requests of 30 MB (default 7)
  --out FILE       where the table is written
  --help

CPU time is that of the whole process, the thread that counts included; the parsing of the body is not.
Exit code: 0 every bound holds, 1 one does not, 2 it could not be measured.
`

const MB = 1_000_000
const TURN = 2000
/** Turns that are made before any is measured, as in a router that has been running. */
const WARM_UP = 20
const BOUNDS = { cpuMs: 3, gapMs: 10 }
const VERDICTS = { true: 'yes', false: '**no**' }

const dist = resolve(import.meta.dirname, '../dist')
const load = (file) => import(join(dist, file))

function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      turns: { type: 'string', default: '60' },
      repeats: { type: 'string', default: '7' },
      out: {
        type: 'string',
        default: join(tmpdir(), 'ccr-bench-results', `routing-${new Date().toISOString().replace(/\W/g, '-')}.md`),
      },
      help: { type: 'boolean', default: false },
    },
  })
  const number = (name) => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value > 0) return value
    throw new Error(`--${name} '${values[name]}' is not a whole number above 0`)
  }
  return { turns: number('turns'), repeats: number('repeats'), out: values.out, help: values.help }
}

/** A generation of the default preset, whose routes look at the size of a request. */
async function createRouter(longContextThreshold) {
  const [{ assemble }, { buildGeneration }, { StateStore }, { ExchangeState }, { planRoute }, { runInner }, host, sdk] =
    await Promise.all([
      load('config/assemble.js'),
      load('core/build.js'),
      load('core/state.js'),
      load('exchange/state.js'),
      load('exchange/plan.js'),
      load('exchange/inner.js'),
      load('host/facilities.js'),
      import('@ccr/sdk/kernel'),
    ])
  const home = mkdtempSync(join(tmpdir(), 'ccr-routing-'))
  const target = (model) => `mock,${model}`
  const config = {
    Providers: [{ name: 'mock', api_base_url: 'http://127.0.0.1:9/v1', dialect: 'anthropic', models: ['a', 'b', 'c'] }],
    Router: { default: target('a'), longContext: target('b'), think: target('c'), longContextThreshold },
  }
  writeFileSync(join(home, 'config.json'), JSON.stringify(config))
  const env = { CCR_HOME: home }
  const { blueprint, config: resolved } = await assemble({ home, env })
  const facilities = new host.HostFacilities({ home, env, proxyUrl: undefined, noProxy: undefined })
  const quiet = () => undefined
  const log = {
    debug: quiet,
    info: quiet,
    warn: (fields, text) => say(`${text} ${JSON.stringify(fields)}`),
    error: quiet,
  }
  const generation = await buildGeneration(blueprint, {
    id: 1,
    reusable: [],
    settings: () => resolved.settings,
    onQuarantine: quiet,
    states: new StateStore(),
    inner: runInner,
    facilities: (owner) => facilities.of(owner),
    log,
  })
  const profile = generation.profiles.get('default')
  const { client, dialect } = profile.endpoints.find(({ path }) => path === '/v1/messages')
  const runtime = { now: Date.now, newId: (prefix) => `${prefix}bench`, freeze: false, redact: (text) => text }
  return {
    tokens: generation.instances.map(({ services }) => services.get('tokens')).find(Boolean),
    /** The exchange of a body that has been parsed. */
    exchange(body) {
      const headers = { 'user-agent': 'claude-cli/2.1.0', 'content-type': 'application/json' }
      const input = { body, headers, url: '/v1/messages', params: {} }
      const decoded = client.decode(input)
      const { system, messages, tools } = decoded.request
      if (!system || !messages || !tools)
        throw new Error('the conversation of the bench has no system, messages or tools')
      const cancellation = new sdk.Cancellation()
      const incoming = { dialect, client, input, profile: 'default', sink: undefined, cancellation }
      return new ExchangeState('req_bench', decoded, incoming, { generation, runtime, log })
    },
    async decide(exchange) {
      const [found] = await planRoute(exchange, profile)
      return found.target.model
    },
    async close() {
      for (const instance of [...generation.instances].reverse()) await instance.release(log)
      facilities.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** CPU time of each turn's decision, in milliseconds, and where they went. */
async function measureTurns(turns, thresholdOf) {
  const conversation = createConversation()
  conversation.grow(MB)
  const probe = await createRouter(MB)
  const size = await probe.tokens.count(conversation.request())
  await probe.close()
  const router = await createRouter(thresholdOf(size))
  try {
    const times = []
    const models = new Set()
    for (let turn = -WARM_UP; turn < turns; turn++) {
      conversation.grow(TURN)
      const exchange = router.exchange(conversation.body())
      const before = process.cpuUsage()
      models.add(await router.decide(exchange))
      const { user, system } = process.cpuUsage(before)
      if (turn >= 0) times.push((user + system) / 1000)
    }
    return { median: medianOf(times), worst: Math.max(...times), models: [...models].join(', '), tokens: size }
  } finally {
    await router.close()
  }
}

/**
 * The longest time between two turns of the event loop while `work` runs, in milliseconds. Of each the lesser of wall
 * clock and CPU time counts: while another process has the CPU, the wall clock goes on and the CPU time does not.
 */
async function longestGap(work) {
  let longest = 0
  let last = performance.now()
  let used = process.cpuUsage()
  let running = true
  const tick = () => {
    const now = performance.now()
    const { user, system } = process.cpuUsage(used)
    longest = Math.max(longest, Math.min(now - last, (user + system) / 1000))
    if (!running) return
    last = performance.now()
    used = process.cpuUsage()
    setImmediate(tick)
  }
  await new Promise((started) => setImmediate(started))
  last = performance.now()
  used = process.cpuUsage()
  setImmediate(tick)
  await work()
  running = false
  tick()
  return longest
}

async function measureGaps(repeats) {
  const router = await createRouter(60_000)
  const gaps = { decision: [], count: [] }
  try {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const conversation = createConversation(repeat)
      conversation.grow(30 * MB)
      const exchange = router.exchange(conversation.body())
      gaps.decision.push(await longestGap(() => router.decide(exchange)))
      gaps.count.push(await longestGap(() => router.tokens.exceeds(exchange.request, 500_000)))
    }
    return gaps
  } finally {
    await router.close()
  }
}

const say = (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)

function medianOf(values) {
  const sorted = [...values].sort((first, second) => first - second)
  return sorted[sorted.length >> 1]
}

/** Runs the bench; gives the exit code. */
export async function benchRouting(args) {
  const options = readOptions(args)
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  say(`${options.turns} turns of a conversation of 1 MB, the threshold far away`)
  const far = await measureTurns(options.turns, () => 60_000)
  say('the same, the threshold a few turns away, so that every new block is counted')
  const near = await measureTurns(options.turns, (size) => size + 10_000)
  say(`${options.repeats} requests of 30 MB`)
  const gaps = await measureGaps(options.repeats)
  const rows = [
    ...[
      ['1 MB and 2 KB more, threshold 60,000 tokens', far],
      ['the same, threshold 10,000 tokens above its beginning', near],
    ].map(([what, { median, worst }]) => [what, 'CPU ms', median, worst, BOUNDS.cpuMs, median < BOUNDS.cpuMs]),
    ...[
      ['30 MB never seen before: the decision', gaps.decision],
      ['30 MB: counting half a million tokens', gaps.count],
    ].map(([what, all]) => {
      // Whatever else runs on the machine only lengthens a gap, so the shortest says most of the router.
      const least = Math.min(...all)
      return [what, 'longest gap ms', least, medianOf(all), BOUNDS.gapMs, least < BOUNDS.gapMs]
    }),
  ]
  const report = [
    `\`npm run bench -- ${['routing', ...args].join(' ')}\` on ${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node},`,
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, load ${loadavg()[0].toFixed(1)}; ${far.tokens} tokens; went to ${far.models} and ${near.models}.`,
    '',
    '| What | Unit | Median of CPU, least of gaps | Worst of CPU, median of gaps | Bound | Holds |',
    '|---|---|---|---|---|---|',
    ...rows.map(([what, unit, first, second, bound, holds]) => {
      return `| ${what} | ${unit} | ${first.toFixed(2)} | ${second.toFixed(2)} | < ${bound} | ${VERDICTS[holds]} |`
    }),
    '',
  ].join('\n')
  mkdirSync(dirname(resolve(options.out)), { recursive: true })
  writeFileSync(options.out, report)
  process.stdout.write(`${report}\nwritten to ${options.out}\n`)
  return rows.every((row) => row.at(-1)) ? 0 : 1
}
