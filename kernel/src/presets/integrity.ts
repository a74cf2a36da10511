import { CcrError } from '@ccr/sdk'
import { integrityOf } from '../install/archive.ts'

/** @throws CcrError `CCR_INSTALL_SOURCE` when the bytes are not those that were announced */
export function checkIntegrity(bytes: Uint8Array, expected: string, label: string): void {
  const found = integrityOf(bytes)
  if (found === expected) return
  const message = `${label} is not what was announced: it is ${found}, and ${expected} was expected.`
  throw new CcrError('CCR_INSTALL_SOURCE', `${message} Do not use it, and tell whoever offers it.`)
}
