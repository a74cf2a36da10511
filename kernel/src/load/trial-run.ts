// Loads and describes the plugin in a file: `node trial-run.js <file> <version> [adapt]`. trial.ts starts it, in a
// process of its own so that code which never ends, or ends the process, stops nothing but this.
import { isCcrError, messageOf } from '@ccr/sdk'
import { adaptBy } from './adapters.ts'
import { findBuiltins } from './builtin.ts'
import { FileLoader } from './file-loader.ts'
import { toManifest } from './manifest.ts'
import type { TrialFault, TrialResult } from './trial.ts'

const [file = '', version = '0.0.0', adapt] = process.argv.slice(2)
const result = await run().catch((thrown: unknown): TrialResult => ({ fault: toFault(thrown) }))
// What the plugin left running must not keep the process.
process.send?.(result, () => process.exit())

async function run(): Promise<TrialResult> {
  const files = new FileLoader()
  if (adapt !== undefined) files.adapt = adaptBy(await findBuiltins(), [])
  const loaded = await files.load(file, {})
  if ('error' in loaded) return { fault: toFault(loaded.error) }
  const { plugin } = loaded
  const { name } = plugin
  try {
    return { name, manifest: await toManifest(plugin, version) }
  } catch (thrown) {
    return { name, fault: toFault(thrown) }
  }
}

function toFault(thrown: unknown): TrialFault {
  if (!isCcrError(thrown)) return { code: 'CCR_PLUGIN_LOAD', message: `${file}: ${messageOf(thrown)}`, at: file }
  const { code, message, at = file } = thrown
  return { code, message, at }
}
