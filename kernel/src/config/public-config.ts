import { CLIENT_CREDENTIALS } from './providers.ts'
import type { LoadedConfig } from './loaded.ts'
import { isPlainObject } from './plain-data.ts'
import { joinPointer } from './pointer.ts'
import { isNamedPrivate, isPairedPrivate, isPrivateField, looksPrivate } from './private-text.ts'
import { collectSecrets } from './secrets.ts'

const MARK = '[secret]'
/** Shorter secrets stand in texts by chance. */
const MIN_LENGTH = 8
/** Other worlds than the one that is asked about, and what presets were told. */
const LEFT_OUT = ['profiles', 'presets']
/** What every answer says of itself. */
const NAME = /^\/providers\/\d+\/(?:name|models\/\d+)$/i

/**
 * A copy of a config for code of the user's own, which may print it or send it elsewhere: in the place of what is
 * secret, looks like it, or comes from an environment variable stands `[secret]`. Numbers from variables stay, and so
 * do names of providers and models.
 *
 * @param routes JSON pointers of the texts that name a provider and a model
 */
export function publicConfig(
  { value, variables, secrets = [] }: LoadedConfig,
  routes: readonly string[],
): Readonly<Record<string, unknown>> {
  const known = [...collectSecrets(value, variables), ...secrets]
  const filled = new Set(variables.flatMap((use) => (use.value === undefined ? [] : [use.pointer])))
  const named = new Set(routes)
  const isSecret = (text: string): boolean =>
    known.some((secret) => text === secret || (secret.length >= MIN_LENGTH && text.includes(secret))) ||
    looksPrivate(text)
  const copy = (one: unknown, pointer: string, isPrivate: boolean): unknown => {
    if (Array.isArray(one)) {
      return one.map((item, index) => copy(item, joinPointer(pointer, index), isPrivate || isPairedPrivate(index, one)))
    }
    if (isPlainObject(one)) {
      const members = Object.entries(one).filter(([key]) => !isSecret(key))
      return Object.fromEntries(
        members.map(([key, inner]) => {
          const isInner = isPrivate || isPrivateField(key) || isNamedPrivate(key, one)
          return [key, copy(inner, joinPointer(pointer, key), isInner)]
        }),
      )
    }
    if (typeof one === 'number' && isPrivate) return MARK
    if (typeof one !== 'string' || one === '' || named.has(pointer) || NAME.test(pointer)) return one
    if (isPrivate) return one === CLIENT_CREDENTIALS ? one : MARK
    return filled.has(pointer) || isSecret(one) ? MARK : one
  }
  const shown = Object.entries(value).filter(([key]) => !LEFT_OUT.includes(key))
  return copy(Object.fromEntries(shown), '', false) as Readonly<Record<string, unknown>>
}
