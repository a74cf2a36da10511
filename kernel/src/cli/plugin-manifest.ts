import { relative } from 'node:path'
import { writeManifest } from '../load/working-copy.ts'
import type { CommandContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { withExitGuard } from './exit-guard.ts'

/** `ccr plugin manifest [path]`: writes the static manifest of a package, which is what `ccr plugin add` reads. */
export async function pluginManifest(context: CommandContext, folder: string): Promise<number> {
  const { file, changed } = await withExitGuard('the manifest is', () => writeManifest(folder))
  context.print(`ccr ${changed ? 'wrote' : 'left'} ${relative(process.cwd(), file)}${changed ? '' : ' as it is'}`)
  return EXIT.ok
}
