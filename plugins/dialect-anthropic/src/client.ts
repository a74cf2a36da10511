import { appOf, CcrError, parseObject, readJson, REASONING_MARK } from '@ccr/sdk'
import type { CanonicalRequest, ClientDialect, ClientInfo, HeaderBag, JsonDocument, RawBody } from '@ccr/sdk'
import { createEncoder, toErrorEvent } from './encoder.ts'
import { headerOf } from './headers.ts'

/**
 * The client side of the Messages protocol. A decoded request is the document that was read, whose large fields are
 * parsed when somebody reads them; it is never copied here.
 */
export const client: ClientDialect = {
  decode({ body, headers }) {
    const document = readDocument(body)
    if (document.isEmptyArray('messages')) throw invalid('/messages', 'must not be empty')
    const request = document.value as unknown as CanonicalRequest
    return { request, client: clientInfo(headers, request), raw: new ReceivedBody(body, document) }
  },
  encoder: () => createEncoder(),
  message: (message) => message,
  failure: (reply, requestId) => ({ ...toErrorEvent(reply), request_id: requestId }),
}

/**
 * A request whose tokens are to be counted: unlike one that is to be answered it may have no messages.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` for a body that is no request
 */
export function readCounted(body: Buffer): CanonicalRequest {
  return readDocument(body).value as unknown as CanonicalRequest
}

/** What only a passed-on request needs is looked for when it is asked for. */
class ReceivedBody implements RawBody {
  readonly bytes: Buffer
  readonly #document: JsonDocument

  constructor(bytes: Buffer, document: JsonDocument) {
    this.bytes = bytes
    this.#document = document
  }

  get modelSpans(): RawBody['modelSpans'] {
    return this.#document.spansOf('model')
  }

  get marked(): boolean {
    return this.bytes.includes(REASONING_MARK)
  }

  forget(): void {
    this.#document.forget()
  }
}

function readDocument(body: Buffer): JsonDocument {
  const document = readJson(body)
  checkRequest(document)
  return document
}

function checkRequest(document: JsonDocument): void {
  const { model, stream, max_tokens } = document.value
  if (typeof model !== 'string' || model === '') throw invalid('/model', 'must be a string that names a model')
  if (/\p{Cc}/u.test(model)) throw invalid('/model', 'must not hold control characters')
  // The messages may be large, so they are not parsed here.
  if (!document.isArray('messages')) throw invalid('/messages', 'must be an array of messages')
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    throw invalid('/stream', 'must be true or false')
  // Clients of earlier routers leave it out; 0 asks for no answer.
  if (max_tokens !== undefined && !(Number.isInteger(max_tokens) && (max_tokens as number) >= 0))
    throw invalid('/max_tokens', 'must be a whole number, 0 or more')
}

function invalid(pointer: string, fact: string): CcrError {
  return new CcrError('CCR_REQUEST_INVALID', `the request body is not valid: ${pointer} ${fact}`)
}

function clientInfo(headers: HeaderBag, request: CanonicalRequest): ClientInfo {
  return {
    app: appOf(headers),
    sessionId: identifier(headerOf(headers, 'x-claude-code-session-id')) ?? identifier(sessionOf(request)),
    agentId: identifier(headerOf(headers, 'x-claude-code-agent-id')),
    requestClass: identifier(headerOf(headers, 'x-claude-code-request-class')),
  }
}

/** These values reach logs and records, so nothing but an identifier is taken. */
function identifier(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9-]{1,64}$/.test(value) ? value : undefined
}

/** Claude Code names the session in `metadata.user_id`: at its end before 2.1.112, in a JSON object since then. */
function sessionOf(request: CanonicalRequest): unknown {
  const user: unknown = request.metadata?.user_id
  if (typeof user !== 'string') return undefined
  if (!user.startsWith('{')) return /_session_([A-Za-z0-9-]+)$/.exec(user)?.[1]
  return parseObject(user)?.['session_id']
}
