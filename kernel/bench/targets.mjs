// The router as two targets of the load harness: a translation, and a passthrough on the same process.
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PORT = 9301
const HOME = join(process.env.BENCH_WORK ?? tmpdir(), 'home-ccr')
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))

/** A user's config: nothing is switched off that is on by default. */
function setup({ mockPort }) {
  mkdirSync(HOME, { recursive: true, mode: 0o700 })
  const provider = { api_key: 'k', models: ['mock-model'] }
  const config = {
    PORT,
    Providers: [
      {
        name: 'mock',
        api_base_url: `http://127.0.0.1:${mockPort}/v1/chat/completions`,
        dialect: 'openai',
        ...provider,
      },
      {
        name: 'anth',
        api_base_url: `http://127.0.0.1:${mockPort}/v1/messages`,
        transformer: { use: ['Anthropic'] },
        ...provider,
      },
    ],
    Router: { default: 'mock,mock-model' },
  }
  writeFileSync(join(HOME, 'config.json'), JSON.stringify(config, null, 2), { mode: 0o600 })
}

export default [
  {
    name: 'ccr',
    kind: 'translate',
    port: PORT,
    model: 'claude-sonnet-4-5',
    cmd: [process.execPath, MAIN, 'start', '--port', String(PORT)],
    env: { CCR_HOME: HOME, HOME },
    setup,
  },
  { name: 'ccr-pass', kind: 'pass', port: PORT, proc: 'ccr', model: 'anth,mock-model' },
]
