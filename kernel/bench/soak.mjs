#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createJiti } from 'jiti'

const HELP = `Usage: npm run soak -- [options]

Changes code, options, config and providers of a running router while clients stream, every ninth change broken, and
checks that no exchange notices. Only loopback is contacted.

  --swaps N        changes (default 1000)
  --clients N      clients that stream at once (default 64)
  --minutes N      the longest that it may take (default 20)
  --help

Exit code: 0 everything holds, 1 something does not, 2 it could not be run to its end.
`

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const say = (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)

function readOptions() {
  const { values } = parseArgs({
    options: {
      swaps: { type: 'string', default: '1000' },
      clients: { type: 'string', default: '64' },
      minutes: { type: 'string', default: '20' },
      help: { type: 'boolean', default: false },
    },
  })
  const number = (name) => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value > 0) return value
    throw new Error(`--${name} '${values[name]}' is not a whole number above 0`)
  }
  return { help: values.help, swaps: number('swaps'), clients: number('clients'), minutes: number('minutes') }
}

async function run() {
  const { help, swaps, clients, minutes } = readOptions()
  if (help) return void process.stdout.write(HELP)
  if (!existsSync(main)) throw new Error('the router is not built; run `npm run build` first')
  // The test suite runs the same soak, smaller.
  const jiti = createJiti(import.meta.url)
  const { runSoak } = await jiti.import('../test/support/soak.ts')
  const { judgeSoak, renderVerdicts } = await jiti.import('../test/support/soak-verdict.ts')
  const warmUp = Math.max(1, Math.min(50, Math.floor(swaps / 5)))
  const options = { swaps, clients, warmUp, measureEvery: 50, limitMs: minutes * 60_000, say }
  const result = await runSoak(options)
  const verdicts = judgeSoak(options, result)
  const seconds = (result.ms / 1000).toFixed(0)
  process.stdout.write(
    `${swaps} changes, ${clients} clients, ${seconds} s, Node ${process.versions.node}; measured after ${warmUp} ` +
      `changes and at the end.\n\n${renderVerdicts(verdicts)}\n`,
  )
  for (const line of [...result.facts, ...result.surprises, ...result.errors].slice(0, 30)) say(line)
  if (verdicts.some(({ holds }) => !holds)) process.exitCode = 1
}

try {
  await run()
} catch (fault) {
  say(fault instanceof Error ? fault.message : String(fault))
  process.exitCode = 2
}
