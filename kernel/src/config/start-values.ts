import type { Settings } from '@ccr/sdk/kernel'
import type { LoadedConfig } from './loaded.ts'

/** A value that a router takes when it starts, and not again. */
export interface StartValue {
  /** As it is written: `PORT`. */
  readonly key: string
  readonly value: string | number
  /** `file:line:column`. */
  readonly at: string
}

/**
 * What the socket is made with, and so counts for as long as the router runs.
 *
 * @param server the address to listen on
 */
export function startValues(
  loaded: LoadedConfig,
  { host, port }: { readonly host: string; readonly port: number },
  { limits }: Pick<Settings, 'limits'>,
): readonly StartValue[] {
  return [
    { key: 'PORT', value: port, at: loaded.at('/PORT') },
    { key: 'HOST', value: host, at: loaded.at('/HOST') },
    { key: 'limits.headerBytes', value: limits.headerBytes, at: loaded.at('/limits/headerBytes') },
  ]
}
