import type { Environment } from './interpolate.ts'
import { splitPointer } from './pointer.ts'
import type { LoadedConfig } from './loaded.ts'
import { collectSecrets, credentialsOf, isSecretField } from './secrets.ts'

/** Shorter values stand in variables by chance: a key that is only made up is often the name of a user or a mode. */
const MIN_LENGTH = 8

/**
 * Names of the variables of an environment that hold a secret of a config: those that fill in a secret, and all with
 * the same value.
 */
export function secretVariables(
  { value, variables }: Pick<LoadedConfig, 'value' | 'variables'>,
  environment: Environment,
): readonly string[] {
  const named = new Set(
    variables.flatMap(({ pointer, name }) => (splitPointer(pointer).some(isSecretField) ? [name] : [])),
  )
  const secrets = new Set(collectSecrets(value, variables).filter(({ length }) => length >= MIN_LENGTH))
  return Object.entries(environment).flatMap(([name, held = '']) =>
    named.has(name) || [held, ...credentialsOf(held)].some((part) => secrets.has(part)) ? [name] : [],
  )
}

/** Takes the secrets of a config out of the environment of this process, where every plugin could read them. */
export function hideSecrets(config: Pick<LoadedConfig, 'value' | 'variables'>): void {
  for (const name of secretVariables(config, process.env)) delete process.env[name]
}

/** Evaluates what its author wrote for the whole environment, with what was hidden of it. */
export async function withEnvironment<Result>(given: Environment, evaluate: () => Promise<Result>): Promise<Result> {
  const hidden = Object.entries(given).filter(([name, value]) => value !== undefined && process.env[name] === undefined)
  for (const [name, value] of hidden) process.env[name] = value
  try {
    return await evaluate()
  } finally {
    for (const [name, value] of hidden) if (process.env[name] === value) delete process.env[name]
  }
}
