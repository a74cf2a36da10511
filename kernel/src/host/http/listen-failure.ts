import { CcrError, messageOf, type Secret } from '@ccr/sdk'
import { codeOf } from '../../load/code-of.ts'
import { bracketed } from './host-names.ts'
import { isLoopback } from '../upstream/no-proxy.ts'

const KEY_CHARACTERS = 24

/**
 * Refuses to serve beyond this machine without a key that cannot be guessed.
 *
 * @throws CcrError `CCR_HOST_BIND`
 */
export function checkBind(host: string, apiKey: Secret | undefined): void {
  const characters = apiKey?.reveal().length ?? 0
  if (isLoopback(bracketed(host.toLowerCase())) || characters >= KEY_CHARACTERS) return
  throw new CcrError(
    'CCR_HOST_BIND',
    `HOST ${host} can be reached from other machines, so APIKEY must have at least ${KEY_CHARACTERS} characters, and ` +
      `${characters > 0 ? `has ${characters}` : 'is not set'}. Set a longer one, or HOST to 127.0.0.1`,
  )
}

/** Why the router cannot listen, and what to do. */
export function toListenError(thrown: unknown, host: string, port: number): CcrError {
  const where = `${bracketed(host)}:${port}`
  const fact = FACTS[codeOf(thrown) ?? '']?.(where, port) ?? `cannot listen on ${where}: ${messageOf(thrown)}`
  return new CcrError('CCR_HOST_LISTEN', fact, { cause: thrown })
}

const FACTS: Readonly<Record<string, ((where: string, port: number) => string) | undefined>> = {
  EADDRINUSE: (where, port) => `port ${port} is taken by another program (${where}); stop it, or choose another PORT`,
  EACCES: (where, port) => `port ${port} needs rights this user lacks (${where}); choose a PORT above 1023`,
  EADDRNOTAVAIL: (where) => `this machine has no address ${where}; correct HOST`,
}
