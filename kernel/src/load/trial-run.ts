// Loads and describes the plugin in a file: `node trial-run.js <file> <version>`. trial.ts starts it, in a process of
// its own so that code which never ends, or ends the process, stops nothing but this.
import { isCcrError, messageOf } from '@ccr/sdk'
import { loadPluginFile } from './evaluate.ts'
import { toManifest } from './manifest.ts'
import type { TrialFault, TrialResult } from './trial.ts'

const [file = '', version = '0.0.0'] = process.argv.slice(2)
const result = await run().catch((thrown: unknown): TrialResult => ({ fault: toFault(thrown) }))
// What the plugin left running must not keep the process.
process.send?.(result, () => process.exit())

async function run(): Promise<TrialResult> {
  const loaded = await loadPluginFile(file)
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
