import {
  CcrError,
  messageOf,
  type CanonicalRequest,
  type PluginHttp,
  type RequestTokenizer,
  type Target,
} from '@ccr/sdk'
import { questionOf } from './body.ts'
import type { Settings } from './settings.ts'

/** Where the number stands in the answers of the usual APIs. */
const USUAL = [
  'token_count',
  'input_tokens',
  'total_tokens',
  'totalTokens',
  'usage.input_tokens',
  'usage.prompt_tokens',
]
/** What an API says about a request that it does not take, or a model that it does not have: both come from clients. */
const REFUSALS: readonly number[] = [400, 404, 413, 422]
/** An answer is one number; whatever is longer is none. */
const LONGEST_ANSWER = 64 * 1024
/** The version that an API of this format asks for. Source: https://docs.anthropic.com/en/api/versioning */
const VERSION = { 'anthropic-version': '2023-06-01' }

/**
 * A tokenizer that asks an HTTP API about each request.
 *
 * @param name unique; it stands in logs
 * @param matches whether it counts for a target
 */
export function apiTokenizer(
  name: string,
  matches: RequestTokenizer['matches'],
  settings: Settings,
  http: PluginHttp,
): RequestTokenizer {
  return { name, matches, count: (request, target, signal) => ask(settings, http, request, target, signal) }
}

/**
 * @throws Error that says what came instead of a number, never anything of the request or the key; a CcrError
 *   `CCR_REQUEST_INVALID` where it is said of this request alone
 */
async function ask(
  { url, key, format, field, headers }: Settings,
  http: PluginHttp,
  request: CanonicalRequest,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { body, beside } = questionOf(request, target, format)
  const response = await http
    .fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(format === 'anthropic' && VERSION), ...headers },
      ...(key && { auth: { scheme: 'bearer', secret: key } }),
      body,
      signal,
    })
    .catch((thrown: unknown) => {
      const { cause } = thrown as { readonly cause?: unknown }
      throw new Error(`${where(url)} could not be asked: ${messageOf(cause ?? thrown)}`, { cause: thrown })
    })
  if (response.ok) return numberIn(await read(response), field, url) + beside
  // It may have no end. A failing end says no more than the status.
  await response.body?.cancel().catch(() => undefined)
  const fact = `${where(url)} answered with status ${response.status}`
  throw REFUSALS.includes(response.status) ? new CcrError('CCR_REQUEST_INVALID', fact) : new Error(fact)
}

async function read({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Left early, the iteration closes the connection.
  for await (const chunk of body ?? []) {
    chunks.push(chunk as Uint8Array)
    bytes += (chunk as Uint8Array).byteLength
    if (bytes > LONGEST_ANSWER) return ''
  }
  return Buffer.concat(chunks).toString('utf8')
}

function numberIn(text: string, field: string | undefined, url: string): number {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw new Error(`${where(url)} answered with something that is no JSON of at most ${LONGEST_ANSWER} bytes`)
  }
  for (const path of field === undefined ? USUAL : [field]) {
    const value = path.split('.').reduce(valueAt, answer)
    if (typeof value === 'number' && value >= 0) return value
  }
  const expected = field === undefined ? `one of ${USUAL.join(', ')}` : `'${field}'`
  throw new Error(`${where(url)} answered without a number of tokens in ${expected}; set responseField`)
}

function valueAt(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return (value as Readonly<Record<string, unknown>>)[key]
}

/** The address without what may be secret in it. */
function where(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
