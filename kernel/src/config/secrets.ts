import type { VariableUse } from './interpolate.ts'
import { splitPointer } from './pointer.ts'

/** Shorter values are not looked for: they stand in every text by chance. */
const MIN_LENGTH = 4

const KEY_FIELD = /(?:^api|^auth|^|[_-])(?:keys?|token|secrets?|password|passphrase|credentials?|authorization)$/i
const CAMEL_FIELD = /[a-z0-9](?:Keys?|Token|Secrets?|Password|Passphrase|Credentials?|Authorization)$/

/** Whether a field of this name holds a secret. */
export function isSecretField(name: string): boolean {
  return KEY_FIELD.test(name) || CAMEL_FIELD.test(name)
}

/**
 * Every value of a config that must not appear in a text that leaves the router. Where a server takes any key, its own
 * name is often given, or that of its model: those are none, or no text could say who answered.
 */
export function collectSecrets(config: unknown, variables: readonly VariableUse[]): readonly string[] {
  const found = new Set<string>()
  const names = new Set<string>()
  const call = (name: unknown): unknown => typeof name === 'string' && names.add(name.toLowerCase())
  const add = (written: string): void => {
    // It is sent without the space around it.
    for (const text of [written, written.trim()])
      if (text.length >= MIN_LENGTH && text !== 'passthrough') found.add(text)
  }
  const visit = (value: unknown, secret: boolean): void => {
    if (typeof value === 'string') {
      if (secret) for (const part of [value, ...value.split(/\s+/).slice(1)]) add(part)
      else if (value.includes('://')) for (const part of credentialsOf(value)) add(part)
    } else if (Array.isArray(value)) {
      for (const item of value) visit(item, secret)
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        if (key === 'name') call(item)
        if (key === 'models' && Array.isArray(item)) item.forEach(call)
        visit(item, isSecretField(key))
      }
    }
  }
  visit(config, false)
  for (const { pointer, value } of variables) {
    if (value !== undefined && splitPointer(pointer).some(isSecretField)) add(value)
  }
  return [...found].filter((text) => !names.has(text.toLowerCase()))
}

/** What is secret in a URL, as written and decoded: its password, and parameters with the name of a key. */
export function credentialsOf(text: string): readonly string[] {
  if (!URL.canParse(text)) return []
  const { password, searchParams } = new URL(text)
  const parameters = [...searchParams].filter(([name]) => isSecretField(name)).map(([, value]) => value)
  return [password, decoded(password), ...parameters]
}

/** Whether a text is a URL with a user, or with a parameter whose name says that it is secret. */
export function hasCredentials(text: string, isSecretName: (name: string) => boolean): boolean {
  if (!text.includes('://') || !URL.canParse(text)) return false
  const { username, password, searchParams } = new URL(text)
  return username !== '' || password !== '' || [...searchParams.keys()].some(isSecretName)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
