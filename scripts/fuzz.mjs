// npm run fuzz: the property tests of the protocols and the SDK, one package after the other, with many more runs than
// in the suite. `npm run fuzz -- plugins/dialect-openai/` takes one package; CCR_FUZZ_RUNS says how many runs.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const HOUR_MS = 3_600_000
const runs = process.env['CCR_FUZZ_RUNS'] ?? '10000'
const packages = ['sdk', ...readdirSync('plugins').map((name) => `plugins/${name}`)]
const wanted = process.argv.slice(2)
const unknown = wanted.filter((one) => !packages.some((folder) => matches(folder, one)))
if (unknown.length > 0) {
  const usage = 'npm run fuzz [-- FOLDER …]; CCR_FUZZ_RUNS=N runs of each property, 10000 unless given'
  if (!unknown.every((one) => one === '--help' || one === '-h')) {
    console.error(`${unknown.join(', ')} is no folder of a package; there are ${packages.join(', ')}`)
    process.exitCode = 2
  }
  console.log(usage)
  process.exit()
}
const fuzzed = packages
  .map((folder) => ({ folder, files: propertyTests(join(folder, 'src')) }))
  .filter(
    ({ folder, files }) => files.length > 0 && (wanted.length === 0 || wanted.some((one) => matches(folder, one))),
  )

const failed = fuzzed.filter(({ folder, files }, index) => {
  const about = `${index + 1} of ${fuzzed.length}: ${folder}, ${files.length} files, ${runs} runs for each property`
  console.log(`${new Date().toISOString()} fuzzing ${about}`)
  const { status } = spawnSync('npx', ['vitest', 'run', '--testTimeout', String(HOUR_MS), ...files], {
    stdio: 'inherit',
    env: { ...process.env, CCR_FUZZ_RUNS: runs },
  })
  return status !== 0
})

const time = new Date().toISOString()
console.log(
  `${time} fuzzed ${fuzzed.length} packages; failed: ${failed.map(({ folder }) => folder).join(', ') || 'none'}`,
)
process.exitCode = failed.length > 0 || fuzzed.length === 0 ? 1 : 0

/** The test files below a folder that hold properties. */
function propertyTests(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .filter((file) => readFileSync(file, 'utf8').includes('fc.'))
}

/** Whether a folder is the one that was named, with or without a slash at its end. */
function matches(folder, one) {
  return folder === one.replace(/\/$/, '')
}
