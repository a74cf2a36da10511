#!/usr/bin/env node
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { harnessCells, judge, renderTable, selectGates, TARGETS } from './gates.mjs'
import { prepareHarness, runHarness } from './harness.mjs'
import { benchReload } from './reload.mjs'
import { benchRouting } from './routing.mjs'

const HELP = `Usage: npm run bench -- [options]
       npm run bench -- reload [options]
       npm run bench -- routing [options]

Measures what the router costs against lean references in one run, and checks the cost gates.

  --repeats N     interleaved repeats (default 5; fewer say little)
  --cells REGEX   only the gates whose cell matches, such as 'hot' or 'lat/large'
  --targets LIST  comma-separated targets (default ${TARGETS.join(',')})
  --out FILE      where the table is written
  --help

The harness is read from CCR_BENCH (default: ../shared/bench beside the checkout). It needs Linux and a C compiler.
Exit code: 0 every gate holds, 1 a gate does not, 2 it could not be measured.
`

const here = dirname(fileURLToPath(import.meta.url))
const root = resolve(here, '../..')
const say = (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)

function readOptions() {
  const { values } = parseArgs({
    options: {
      repeats: { type: 'string', default: '5' },
      cells: { type: 'string', default: '' },
      targets: { type: 'string', default: TARGETS.join(',') },
      out: {
        type: 'string',
        default: join(tmpdir(), 'ccr-bench-results', `${new Date().toISOString().replace(/\W/g, '-')}.md`),
      },
      help: { type: 'boolean', default: false },
    },
  })
  const repeats = Number(values.repeats)
  if (!Number.isInteger(repeats) || repeats < 1)
    throw new Error(`--repeats '${values.repeats}' is not a whole number above 0`)
  return { ...values, repeats }
}

async function main() {
  const options = readOptions()
  if (options.help) return void process.stdout.write(HELP)
  const source = process.env.CCR_BENCH ?? resolve(root, '../shared/bench')
  if (!existsSync(join(source, 'bench.mjs')))
    throw new Error(`there is no harness in ${source}; set CCR_BENCH to its folder`)
  const gates = selectGates(options.cells)
  if (gates.length === 0) throw new Error(`no gate has a cell that matches '${options.cells}'`)
  if (options.targets.includes('ccr') && !existsSync(join(root, 'kernel/dist/cli/main.js'))) {
    throw new Error('the router is not built; run `npm run build` first')
  }
  const folder = prepareHarness(source, say)
  const { targets, repeats } = options
  const request = { targets, repeats, ...harnessCells(gates), extra: join(here, 'targets.mjs') }
  const result = await runHarness(folder, request, say)
  const verdicts = judge(gates, result.cells)
  const given = process.argv.slice(2).map((word) => (/^[\w./=,-]+$/.test(word) ? word : `'${word}'`))
  const command = ['npm run bench', ...(given.length > 0 ? ['--', ...given] : [])].join(' ')
  const cores = `${result.meta.cpus} × ${cpus()[0]?.model.trim() ?? 'unknown'}`
  const report = [
    `\`${command}\` on ${result.meta.date.slice(0, 10)}, Node ${result.meta.node.slice(1)}, ${cores},`,
    `${repeats} interleaved repeats; medians.`,
    '',
    renderTable(verdicts),
    '',
  ].join('\n')
  mkdirSync(dirname(resolve(options.out)), { recursive: true })
  writeFileSync(options.out, report)
  process.stdout.write(`${report}\nwritten to ${options.out}\n`)
  if (verdicts.some((verdict) => !verdict.holds)) process.exitCode = 1
}

try {
  if (process.argv[2] === 'reload') process.exitCode = await benchReload(process.argv.slice(3))
  else if (process.argv[2] === 'routing') process.exitCode = await benchRouting(process.argv.slice(3))
  else await main()
} catch (fault) {
  say(fault instanceof Error ? fault.message : String(fault))
  process.exitCode = 2
}
