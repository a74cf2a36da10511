import { CcrError, isCcrError, messageOf } from '@ccr/sdk'
import { Agent, request, type Dispatcher } from 'undici'
import { isPublicAddress, resolveHost, type ResolvedAddress } from './addresses.ts'

/** How something is downloaded. */
export interface DownloadOptions {
  /** Takes http and addresses of this machine and its network too; whoever sets it logs it. */
  readonly allowPrivate: boolean
  /** Largest body that is taken, in bytes. */
  readonly maxBytes?: number | undefined
  /** Time for everything, redirects and the last byte included, in milliseconds. */
  readonly timeoutMs?: number | undefined
  /** How many redirects are followed. */
  readonly redirects?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What was downloaded. */
export interface Download {
  readonly bytes: Uint8Array
  /** Without parameters, in lower case; empty when there was none. */
  readonly contentType: string
  /** Where it came from in the end. */
  readonly url: string
}

/** Which hops of a download are taken. */
export interface HopRules {
  readonly allowHttp: boolean
  readonly allowAddress: (address: string) => boolean
}

const MAX_BYTES = 5 * 1024 * 1024
const TIMEOUT_MS = 10_000
const REDIRECTS = 3

const REMEDY = 'Give an https URL of a public host, or allow it with --allow-private-addresses.'

/**
 * Downloads a URL over https. Sends no credentials and no cookies; the address of every hop is checked, and the
 * connection goes to the very address that was checked.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
export function download(url: string, { allowPrivate, ...options }: DownloadOptions): Promise<Download> {
  const rules = { allowHttp: allowPrivate, allowAddress: allowPrivate ? () => true : isPublicAddress }
  return downloadBy(rules, url, options)
}

/**
 * The same with other rules for the hops.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
export async function downloadBy(
  rules: HopRules,
  url: string,
  {
    maxBytes = MAX_BYTES,
    timeoutMs = TIMEOUT_MS,
    redirects = REDIRECTS,
    signal,
  }: Omit<DownloadOptions, 'allowPrivate'>,
): Promise<Download> {
  const deadline = AbortSignal.timeout(timeoutMs)
  const ended = signal === undefined ? deadline : AbortSignal.any([deadline, signal])
  try {
    let next = checkUrl(rules, url)
    for (let hop = 0; hop <= redirects; hop++) {
      const answer = await fetchHop(rules, next, maxBytes, ended)
      if ('bytes' in answer) return answer
      next = checkUrl(rules, new URL(answer.location, next).href)
    }
    throw failed(url, `it redirects more than ${redirects} times`, 'Give the URL that it ends at.')
  } catch (thrown) {
    if (isCcrError(thrown)) throw thrown
    if (deadline.aborted) {
      throw failed(url, `it was not complete within ${timeoutMs / 1000} s`, 'Try again later.', thrown)
    }
    if (signal?.aborted) throw failed(url, 'the download was given up', 'Start it again.', thrown)
    throw failed(url, reasonOf(thrown), 'Check the URL and the connection.', thrown)
  }
}

function checkUrl({ allowHttp }: HopRules, text: string): URL {
  if (!URL.canParse(text)) throw failed(text, 'it is not a URL', REMEDY)
  const url = new URL(text)
  if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:')) {
    throw failed(text, `${url.protocol.slice(0, -1)} is not accepted`, REMEDY)
  }
  if (url.username !== '' || url.password !== '') {
    throw failed(text, 'it holds credentials, which would be stored and shown', 'Give a URL without them.')
  }
  return url
}

type Hop = Download | { readonly location: string }

async function fetchHop(rules: HopRules, url: URL, maxBytes: number, signal: AbortSignal): Promise<Hop> {
  const addresses = await checkedAddresses(rules, url, signal)
  // An agent for this hop alone: no connection is used that another check opened.
  const agent = new Agent({ connect: { lookup: pinnedTo(addresses) }, connections: 1, pipelining: 0 })
  try {
    const answer = await request(url, {
      dispatcher: agent,
      signal,
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'ccr' },
    })
    const { statusCode, headers } = answer
    if (statusCode >= 300 && statusCode < 400 && typeof headers['location'] === 'string') {
      return { location: headers['location'] }
    }
    if (statusCode !== 200) throw failed(url.href, `the answer has status ${statusCode}`, 'Check the URL.')
    const contentType = String(headers['content-type'] ?? '')
    const bytes = await readBody(url, answer.body, headers, maxBytes)
    return { bytes, contentType: contentType.split(';')[0]!.trim().toLowerCase(), url: url.href }
  } finally {
    await agent.destroy()
  }
}

async function checkedAddresses(
  { allowAddress }: HopRules,
  url: URL,
  signal: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  const addresses = await unlessAborted(resolveHost(url.hostname), signal)
  // One address of its own network among public ones is enough to refuse: which of them answers is chance.
  const refused = addresses.find(({ address }) => !allowAddress(address))
  if (refused !== undefined || addresses.length === 0) {
    throw failed(url.href, `its host leads to ${refused?.address ?? 'no address'}, which is not public`, REMEDY)
  }
  return addresses
}

type Lookup = NonNullable<Extract<NonNullable<Agent.Options['connect']>, { lookup?: unknown }>['lookup']>

/** Answers every question for an address with those that were checked. */
function pinnedTo(addresses: readonly ResolvedAddress[]): Lookup {
  return (_hostname, options, callback) => {
    const [first] = addresses
    if (options.all === true) callback(null, [...addresses])
    else callback(null, first!.address, first!.family)
  }
}

async function readBody(
  url: URL,
  body: Dispatcher.ResponseData['body'],
  headers: Dispatcher.ResponseData['headers'],
  maxBytes: number,
): Promise<Uint8Array> {
  const tooLarge = (): CcrError => failed(url.href, `it is larger than ${maxBytes} bytes`, 'Give a smaller one.')
  // Whoever leaves early must not leave an unheard error behind.
  body.on('error', () => undefined)
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity')
    throw failed(url.href, `its answer is encoded as ${String(encoding)}`, 'Give another URL.')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function unlessAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    value.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** A connection to several addresses fails with one error for each, and none of its own. */
function reasonOf(thrown: unknown): string {
  const errors: readonly unknown[] = thrown instanceof AggregateError ? thrown.errors : []
  return messageOf(thrown) || errors.map(messageOf).join('; ') || 'the connection failed'
}

function failed(url: string, fact: string, remedy: string, cause?: unknown): CcrError {
  return new CcrError('CCR_INSTALL_SOURCE', `${shown(url)} cannot be downloaded: ${fact}. ${remedy}`, { cause })
}

/** A URL without what may be secret in it. */
function shown(text: string): string {
  if (!URL.canParse(text)) return text.slice(0, 200)
  const url = new URL(text)
  url.username = url.password = url.search = url.hash = ''
  return url.href
}
