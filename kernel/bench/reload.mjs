// What a reload costs: how long the loop is away, how long it takes, and what running streams notice of it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createJiti } from 'jiti'
import { startStreams } from './reload-load.mjs'
import { METER, subjectText } from './reload-plugins.mjs'

const HELP = `Usage: npm run bench -- reload [options]

Measures what a change of a plugin costs a running router. Only loopback is contacted.

  --reloads N      reloads of an idle router (default 40)
  --repeats N      pairs of a quiet and a changing span under load (default 5)
  --seconds N      of each span (default 6)
  --streams N      at once, a chunk every 20 ms each (default 32)
  --out FILE       where the table is written
  --help

Exit code: 0 every bound holds, 1 one does not, 2 it could not be measured.
`

const PLUGIN_BYTES = 20 * 1024
const EVERY_MS = 20
/** Between two reloads under load. */
const RELOAD_MS = 500
const VERDICTS = { true: 'yes', false: '**no**' }
/** The longest synchronous piece, the median of a swap, the ratio of the delays. */
const BOUNDS = { pieceMs: 20, swapMs: 50, ratio: 1.5 }

const say = (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
const now = () => performance.timeOrigin + performance.now()

function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      reloads: { type: 'string', default: '40' },
      repeats: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '6' },
      streams: { type: 'string', default: '32' },
      out: {
        type: 'string',
        default: join(tmpdir(), 'ccr-bench-results', `reload-${new Date().toISOString().replace(/\W/g, '-')}.md`),
      },
      help: { type: 'boolean', default: false },
    },
  })
  const number = (name) => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value > 0) return value
    throw new Error(`--${name} '${values[name]}' is not a whole number above 0`)
  }
  const numbers = Object.fromEntries(['reloads', 'repeats', 'seconds', 'streams'].map((name) => [name, number(name)]))
  return { ...numbers, out: values.out, help: values.help }
}

/** A router with the standard plugins, the two of the bench, and a paced upstream. */
async function start() {
  const jiti = createJiti(import.meta.url)
  const { startRouter } = await jiti.import('../test/support/router.ts')
  const { startSlowUpstream } = await jiti.import('../test/support/soak-upstream.ts')
  const folder = mkdtempSync(join(tmpdir(), 'ccr-reload-'))
  const subject = join(folder, 'subject.ts')
  let version = 0
  writeFileSync(subject, subjectText(version, PLUGIN_BYTES))
  writeFileSync(join(folder, 'meter.ts'), METER)
  const upstream = await startSlowUpstream()
  const config = {
    Providers: [
      {
        name: 'paced',
        api_base_url: `http://127.0.0.1:${upstream.port}/paced/v1/chat/completions`,
        api_key: 'k',
        dialect: 'openai',
        models: ['m'],
      },
    ],
    Router: { default: 'paced,m' },
    plugins: [`file:${subject}`, `file:${join(folder, 'meter.ts')}`],
  }
  const clean = async () => {
    await upstream.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const router = await startRouter({ config }).catch(async (fault) => {
    await clean()
    throw fault
  })
  const key = readFileSync(join(router.home, 'run', 'admin.key'), 'utf8').trim()
  const call = async (method, path) => {
    const answer = await fetch(`${router.url}${path}`, { method, headers: { authorization: `Bearer ${key}` } })
    if (answer.status === 200) return answer.json()
    throw new Error(`${method} ${path} was answered with ${answer.status}: ${await answer.text()}`)
  }
  const meter = () => call('GET', '/api/meter')
  return {
    url: router.url,
    meter,
    /** Saves the next version of the plugin; gives the time before. */
    save() {
      const savedAt = now()
      writeFileSync(subject, subjectText(++version, PLUGIN_BYTES))
      return savedAt
    },
    reload: () => call('POST', '/api/reload'),
    /** Waits until the version that was saved last is live, by the watcher alone. */
    async taken() {
      for (const latest = now() + 10_000; now() < latest; await pause(5)) {
        const read = await meter()
        if (read.version === version) return read
      }
      throw new Error('a saved plugin was not taken within 10 s')
    },
    async stop() {
      await router.stop()
      await clean()
    },
  }
}

/** One reload of an idle router: how long the loop was away, and when what was done. */
async function oneReload(world) {
  const savedAt = world.save()
  const { instances } = await world.reload()
  // What is replaced is disposed, and the files are watched anew, after the answer.
  await pause(50)
  const { wallMs, cpuMs, live } = await world.meter()
  const { bundleMs, evaluateMs, activateMs } = instances.find(({ plugin }) => plugin === 'bench-subject').timing
  const swapMs = live - savedAt
  const restMs = swapMs - bundleMs - evaluateMs - activateMs
  return { wallMs, cpuMs, bundleMs, evaluateMs, activateMs, restMs, swapMs }
}

async function measureIdle(world, reloads) {
  for (let warm = 0; warm < 5; warm++) await oneReload(world)
  const rows = []
  const quiet = []
  for (let reload = 0; reload < reloads; reload++) {
    rows.push(await oneReload(world))
    // The same span without a reload tells what the machine does by itself.
    await pause(100)
    await world.meter()
    await pause(100)
    quiet.push(await world.meter())
  }
  const watched = []
  for (let reload = 0; reload < Math.min(10, reloads); reload++) {
    // The answer to a request would come before the watcher is at rest.
    await pause(300)
    const savedAt = world.save()
    watched.push((await world.taken()).live - savedAt)
  }
  return { rows, quiet, watched }
}

/** Delays of chunks in pairs of spans, one without and one with reloads, in turns. */
async function measureLoad(world, { repeats, seconds, streams }) {
  let sink
  const running = startStreams(world.url, { streams, words: 100, everyMs: EVERY_MS }, (late) => sink?.push(late))
  const span = async (reloading) => {
    await pause(500)
    sink = []
    const until = now() + seconds * 1000
    while (now() < until) {
      const next = Math.min(until, now() + RELOAD_MS)
      if (reloading) {
        world.save()
        await world.reload()
      }
      await pause(Math.max(0, next - now()))
    }
    const late = sink.sort((a, b) => a - b)
    sink = undefined
    return { chunks: late.length, p50: quantile(late, 0.5), p999: quantile(late, 0.999) }
  }
  const pairs = []
  try {
    await span(true)
    for (let repeat = 0; repeat < repeats; repeat++) {
      const first = await span(repeat % 2 === 1)
      const second = await span(repeat % 2 === 0)
      const [quiet, changing] = repeat % 2 === 1 ? [second, first] : [first, second]
      pairs.push({ quiet, changing })
      say(`pair ${repeat + 1} of ${repeats}: p99.9 ${ms(quiet.p999)} without, ${ms(changing.p999)} with reloads`)
    }
  } finally {
    await running.stop()
  }
  return pairs
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

const median = (values) =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  )
const most = (values) => Math.max(...values)
const ms = (value) => `${value.toFixed(1)} ms`

/** The figures as rows: name, median, largest, bound, and whether it holds where there is one. */
function judge({ rows, quiet, watched }, pairs) {
  const of = (name, list = rows) => list.map((row) => row[name])
  const row = (what, values, bound, seen) => ({
    cells: [what, ms(median(values)), ms(most(values)), bound === undefined ? '' : `< ${ms(bound)}`],
    holds: bound === undefined ? undefined : seen < bound,
  })
  const delays = (kind, name) => pairs.map((pair) => pair[kind][name])
  const ratio = median(delays('changing', 'p999')) / median(delays('quiet', 'p999'))
  const each = pairs.map(({ quiet: without, changing }) => changing.p999 / without.p999)
  return [
    row('longest piece of a reload, CPU time (largest)', of('cpuMs'), BOUNDS.pieceMs, most(of('cpuMs'))),
    row('the same, by the clock', of('wallMs')),
    row('longest piece without a reload, CPU time', of('cpuMs', quiet)),
    row('the same, by the clock', of('wallMs', quiet)),
    row('swap: saved and asked for → live (median)', of('swapMs'), BOUNDS.swapMs, median(of('swapMs'))),
    row('of it: bundle', of('bundleMs')),
    row('of it: evaluate', of('evaluateMs')),
    row('of it: activate', of('activateMs')),
    row('of it: save, ask, read the config, build the generation', of('restMs')),
    row('saved → live by watching, with its 100 ms of quiet', watched),
    row('chunk delay without reloads, p50', delays('quiet', 'p50')),
    row('chunk delay under reloads, p50', delays('changing', 'p50')),
    row('chunk delay without reloads, p99.9', delays('quiet', 'p999')),
    row('chunk delay under reloads, p99.9', delays('changing', 'p999')),
    {
      cells: ['p99.9 under reloads / without', ratio.toFixed(2), most(each).toFixed(2), `≤ ${BOUNDS.ratio}`],
      holds: ratio <= BOUNDS.ratio,
    },
  ]
}

function render(verdicts) {
  return [
    '| Figure | Median | Largest | Bound | Holds |',
    '|---|---:|---:|---:|---|',
    ...verdicts.map(({ cells, holds }) => `| ${[...cells, holds === undefined ? '' : VERDICTS[holds]].join(' | ')} |`),
  ].join('\n')
}

/** `npm run bench -- reload`; gives the exit code. */
export async function benchReload(args) {
  const options = readOptions(args)
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  const before = loadavg()[0]
  const world = await start()
  let idle, pairs
  try {
    say(`${options.reloads} reloads of an idle router`)
    idle = await measureIdle(world, options.reloads)
    say(`${options.streams} streams, ${options.repeats} pairs of ${options.seconds} s without and with reloads`)
    pairs = await measureLoad(world, options)
  } finally {
    await world.stop()
  }
  const verdicts = judge(idle, pairs)
  const chunks = pairs.reduce((sum, { quiet, changing }) => sum + quiet.chunks + changing.chunks, 0)
  const report = [
    `\`npm run bench -- ${['reload', ...args].join(' ')}\` on ${new Date().toISOString().slice(0, 10)}, ` +
      `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, load ` +
      `${before.toFixed(1)} before and ${loadavg()[0].toFixed(1)} after;`,
    `${options.reloads} reloads of a plugin of ${PLUGIN_BYTES / 1024} KB; ${options.streams} streams, ${chunks} ` +
      `chunks, a reload every ${RELOAD_MS} ms.`,
    '',
    render(verdicts),
    '',
  ].join('\n')
  mkdirSync(dirname(resolve(options.out)), { recursive: true })
  writeFileSync(options.out, report)
  process.stdout.write(`${report}\nwritten to ${options.out}\n`)
  return verdicts.some(({ holds }) => holds === false) ? 1 : 0
}
