import { relative } from 'node:path'
import type { Manifest } from '../../load/manifest.ts'
import { tryPlugin } from '../../load/trial.ts'
import { writeManifest } from '../../load/working-copy.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { withoutSecrets } from '../secret-environment.ts'

/** `ccr plugin manifest [path]`: writes the static manifest of a package, which is what `ccr plugin add` reads. */
export async function pluginManifest(context: CommandContext, folder: string): Promise<number> {
  const env = await withoutSecrets(context)
  const describe = async (entry: string, version: string): Promise<Manifest> => {
    const { manifest } = await tryPlugin(entry, { env, version })
    if (manifest instanceof Error) throw manifest
    return manifest
  }
  const { file, changed } = await writeManifest(folder, describe)
  context.print(`ccr ${changed ? 'wrote' : 'left'} ${relative(process.cwd(), file)}${changed ? '' : ' as it is'}`)
  return EXIT.ok
}
