import { hasCredentials, isSecretField } from './secrets.ts'

/** What names of fields hold that a redaction, which must not tear words apart, does not look for. */
const PRIVATE_FIELDS = [
  /api[-_]?key|(?:private|access|secret|session|auth)[-_]?(?:key|token)|secret|passw|passphrase/i,
  /(?:^|[-_])(?:pass|pwd|pat|auth|bearer|jwt|signature|sig)$|cookie|credential|authorization|^x-auth/i,
]
/** A user and a password before a host, wherever in a text they stand. */
const USER_INFO = /:\/\/[^\s/?#@]+@/
/** A whole value of a header that says who asks. */
const SCHEME = /^(?:bearer|basic|token|digest)\s+\S/i
/** A setting or a header, wherever in a text it stands. */
const SETTING = /(?<![\w-])([\w-]{1,64})(?:=|: ?)[^\s&;]/g
/** How keys begin, whoever gives them out. */
const BEGINNING = /\b(?:[spr]k-|eyJ)[-_.A-Za-z0-9]{8,}/
/** A short word that says what the key behind it is for. */
const PREFIXED = /\b[a-z][a-z0-9]{1,6}_(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*[A-Z])[A-Za-z0-9]{20,}/
/** Hexadecimal, as keys without a beginning are; names of models have no such runs. */
const HEXADECIMAL = /[0-9a-f]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i
const RUN = /[A-Za-z0-9+=]{24,}/g

/** Whether a field of this name may hold a secret; it says so once too often rather than not at all. */
export function isPrivateField(name: unknown): boolean {
  return typeof name === 'string' && (isSecretField(name) || PRIVATE_FIELDS.some((field) => field.test(name)))
}

/** Whether a text looks like a secret or holds one, whatever it is called. */
export function looksPrivate(text: string): boolean {
  if (hasCredentials(text, isPrivateField) || USER_INFO.test(text) || SCHEME.test(text)) return true
  if ([...text.matchAll(SETTING)].some(([, name]) => isPrivateField(name))) return true
  if (text.includes('-----BEGIN') || [BEGINNING, PREFIXED, HEXADECIMAL].some((key) => key.test(text))) return true
  return [...text.matchAll(RUN)].some(([run]) => /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run))
}

/** Whether the value of a field may be secret for what stands beside it: a header may be written as an object. */
export function isNamedPrivate(field: string, beside: Readonly<Record<string, unknown>>): boolean {
  return field === 'value' && [beside['name'], beside['key'], beside['header']].some(isPrivateField)
}

/** The same of an item of a list: a header may be written as a pair. */
export function isPairedPrivate(index: number, list: readonly unknown[]): boolean {
  return index > 0 && list.length === 2 && isPrivateField(list[0])
}
