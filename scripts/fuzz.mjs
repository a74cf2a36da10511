// npm run fuzz: the property tests of the protocols with many more runs than in the suite.
import { spawnSync } from 'node:child_process'

const runs = process.env['CCR_FUZZ_RUNS'] ?? '10000'
console.log(`fuzzing: ${runs} runs for each property of the protocols and the SDK`)
const args = ['vitest', 'run', '--project', 'plugins', '--project', 'sdk', '--testTimeout', String(3_600_000)]
const { status } = spawnSync('npx', [...args, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, CCR_FUZZ_RUNS: runs },
})
process.exitCode = status ?? 1
