import type { TargetDialect, UpstreamError } from '../dialect.ts'

/** Characters that are quoted of an answer that cannot be read. */
const QUOTED = 200
/** Characters that are looked at for them; a page has much before its first word. */
const LOOKED_AT = 16_384

/** What an error answer says: by its dialect, and its beginning where that finds nothing in it. */
export interface Refusal {
  readonly said: UpstreamError | undefined
  /** See {@link describeUnreadable}. */
  readonly unread: string | undefined
}

/** Reads the body of an error answer from `url`, which may be anything. */
export function readRefusal(
  bytes: Buffer,
  dialect: TargetDialect,
  url: string,
  redact: (text: string) => string,
): Refusal {
  // Without the byte order mark that some servers write.
  const text = new TextDecoder().decode(bytes)
  const json = parsed(text)
  let said: UpstreamError | undefined
  try {
    said = dialect.error(json === undefined ? text : json)
  } catch {
    said = undefined
  }
  const read = json !== undefined && said?.message
  return { said, unread: read ? undefined : describeUnreadable(url, text, redact) }
}

/**
 * Where an answer came from, and its first 200 characters on one line, of a page those of its text. Secrets go before
 * it is cut, because half a key is no longer found as one, and so does the query, which may hold one.
 */
export function describeUnreadable(url: string, text: string, redact: (text: string) => string): string {
  // A word at the end may be half a key.
  const start = text.length > LOOKED_AT ? withoutLastWord(text.slice(0, LOOKED_AT)) : text
  const plain = /^\s*<(?:[!?]|[a-z])/i.test(start) ? withoutMarkup(start) : start
  const line = redact(plain.replace(/[\s\p{Cc}]+/gu, ' ').trim())
  const quoted = line.length > QUOTED ? `${line.slice(0, QUOTED)}…` : line
  const place = URL.canParse(url) ? `${new URL(url).origin}${new URL(url).pathname}` : ''
  return `at ${redact(place)}${quoted === '' ? '' : `: ${quoted}`}`
}

/** Looked for from its end: `/\S+$/` takes a time that grows with the square of the length of the words before. */
function withoutLastWord(text: string): string {
  let end = text.length
  while (end > 0 && !/\s/.test(text[end - 1]!)) end--
  return text.slice(0, end)
}

/** A space takes the place of each tag, so that what stood apart stays apart. */
function withoutMarkup(page: string): string {
  return page
    .replace(/<(script|style)\b[^>]*>[^]*?(?:<\/\1\s*>|$)/gi, ' ')
    .replace(/<!--[^]*?(?:-->|$)/g, ' ')
    .replace(/<[^<>]*(?:>|$)/g, ' ')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
