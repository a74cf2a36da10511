import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { fetchPackage } from '../install/fetch.ts'
import { parseSource } from '../install/source.ts'

/**
 * The archive of a package of the registry that the user's npm is set to. Nothing of it is run.
 *
 * @param text `name`, `name@version` or `name@range`
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
export async function packFromRegistry(
  text: string,
  { env, allowPrivate }: { readonly env: NodeJS.ProcessEnv; readonly allowPrivate: boolean },
): Promise<Uint8Array> {
  const source = parseSource(`npm:${text}`, '/')
  if (source.type !== 'npm') {
    throw new CcrError('CCR_INSTALL_SOURCE', `npm:${text} names no package. Write npm:name or npm:name@version.`)
  }
  const folder = await mkdtemp(join(tmpdir(), 'ccr-preset-'))
  try {
    return (await fetchPackage(source, { folder, env, allowPrivate, progress: () => undefined })).bytes
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
