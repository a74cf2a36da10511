import { Secret, type TokenizerField } from '@ccr/sdk'

/** What is sent: a request as the Messages API has it, or all its text alone. */
export type RequestFormat = 'standard' | 'anthropic' | 'openai' | 'custom'

const FORMATS: readonly RequestFormat[] = ['standard', 'anthropic', 'openai', 'custom']
const FIELDS: readonly string[] = ['type', 'url', 'apiKey', 'requestFormat', 'responseField', 'headers', 'fallback']

/** Who is asked for the number of tokens, and how. */
export interface Settings {
  readonly url: string
  /** Sent as a bearer token, unless `headers` say who asks. */
  readonly key: Secret | undefined
  readonly format: RequestFormat
  /** Where the number stands in the answer: names of fields, joined by dots. The usual places are tried without it. */
  readonly field: string | undefined
  /** Their names are in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** The settings of a field with `type: 'api'`, or what is wrong with them as text; nothing for another type. */
export function readSettings(field: TokenizerField['field']): Settings | string | undefined {
  const { type, url, apiKey, requestFormat = 'standard', responseField, headers = {} } = field
  if (type !== 'api') return undefined
  const unknown = Object.keys(field).find((name) => !FIELDS.includes(name))
  if (unknown !== undefined) return `has no field '${unknown}'; it knows ${FIELDS.join(', ')}`
  if (typeof url !== 'string' || !isHttp(url))
    return 'needs a url that begins with http:// or https://, without a user or password'
  if (apiKey !== undefined && typeof apiKey !== 'string') return 'has an apiKey that is no text'
  if (apiKey && !sendable({ authorization: apiKey })) return 'has an apiKey that no header can hold'
  const format = FORMATS.find((one) => one === requestFormat)
  if (!format) return `has a requestFormat that is none of ${FORMATS.join(', ')}`
  if (responseField !== undefined && (typeof responseField !== 'string' || responseField === ''))
    return "has a responseField that is no text, such as 'usage.input_tokens'"
  if (!isTexts(headers)) return 'has headers that are no object of texts'
  const sent = sendable(headers)
  if (!sent) return 'has headers that cannot be sent as they are'
  const key = apiKey && !Object.hasOwn(sent, 'authorization') ? new Secret(apiKey) : undefined
  return { url, key, format, field: responseField, headers: sent }
}

/** What is before the host is sent by no fetch, and would stand in its errors. */
function isHttp(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

/** The headers with their names in lower case; nothing where one is none, which a fetch would tell with its value. */
function sendable(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  try {
    return Object.fromEntries(new Headers(headers))
  } catch {
    return undefined
  }
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((one) => typeof one === 'string')
  )
}
