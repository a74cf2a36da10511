import {
  type Attempt,
  CcrError,
  checkRequest,
  createEventReader,
  endpointUrl,
  errorInPlaceOf,
  parseObject,
  readErrorBody,
  stripExtensions,
  type TargetDialect,
  ToolNames,
  typeOfWords,
  type WireReader,
} from '@ccr/sdk'
import type { Adaptation } from './adapt.ts'
import { ChatDecoder } from './decode.ts'
import { encodeRequest } from './encode.ts'
import { unknownFields } from './fields.ts'
import { RepeatedChunk } from './repeated-chunk.ts'
import type { ChatBody, ChatEvent, ChatMessage } from './wire.ts'

/**
 * What the encoder renamed and the decoder of the same attempt must name back. Kept on the attempt itself: a WeakMap
 * that changes with every attempt holds on to many of them until the next full collection.
 */
const NAMES = Symbol('names')
/** The request of the attempt holds files. */
const FILES = Symbol('files')
type NamedAttempt = Attempt & { [NAMES]?: ToolNames; [FILES]?: boolean }

/** Most fields that are reported as unknown. */
const MAX_UNKNOWN = 100

/** Whether the request of this attempt held files. */
export function sentFiles(attempt: NamedAttempt): boolean {
  return attempt[FILES] === true
}

/**
 * The provider side of Chat Completions.
 *
 * @param dropped hears once of every field of requests that the capability list does not name
 */
export function createTarget(
  adaptation: Adaptation,
  dropped: (field: string) => void = () => undefined,
): TargetDialect<ChatBody, ChatEvent> {
  const unknown = new Set<string>()
  return {
    encode(request, outbound, attempt: NamedAttempt) {
      checkRequest(request)
      const known = new ToolNames()
      attempt[NAMES] = known
      for (const field of unknownFields(request)) {
        if (unknown.has(field) || unknown.size >= MAX_UNKNOWN) continue
        unknown.add(field)
        dropped(field)
      }
      const { model, stream } = outbound
      const { provider } = attempt.target
      const refused = adaptation.refusedBy(attempt.target, attempt)
      const body = encodeRequest(request, { model, stream, provider, names: known, refused })
      attempt[FILES] = body.messages.some(hasFile)
      return body
    },
    strip: stripExtensions,
    address: (outbound, secret) => ({
      url: endpointUrl(outbound.baseUrl, '/chat/completions', { root: '/v1', always: false }),
      headers: {
        'content-type': 'application/json',
        accept: outbound.stream ? 'text/event-stream' : 'application/json',
      },
      auth: secret && { scheme: 'bearer', secret },
    }),
    reader: (contentType) => (/^\s*text\/event-stream\b/i.test(contentType) ? createReader() : undefined),
    explode,
    decoder: (attempt: NamedAttempt) => new ChatDecoder(attempt, attempt[NAMES]),
    error: (body) => readErrorBody(body, (error) => ({ type: typeOfWords(error) })),
  }
}

function hasFile({ role, content }: ChatMessage): boolean {
  return role === 'user' && typeof content !== 'string' && content.some((part) => part.type === 'file')
}

/** A whole answer as one chunk and its end: the message is a delta that holds everything. */
function explode(answer: unknown): readonly ChatEvent[] {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) throw notACompletion()
  const { choices, error } = answer as Record<string, unknown>
  if (error !== undefined && error !== null) return [{ ...answer }]
  if (!Array.isArray(choices)) throw errorInPlaceOf({ ...answer }) ?? notACompletion()
  const whole = (choices as readonly unknown[]).map(toChunkChoice)
  return [{ ...answer, choices: whole }, { done: true }]
}

/** The choice of a whole answer as that of a chunk. */
function toChunkChoice(choice: unknown): object {
  if (typeof choice !== 'object' || choice === null) throw notACompletion()
  const { index, message, finish_reason } = choice as Readonly<Record<string, unknown>>
  // The answer is whole, so one without a reason simply stopped.
  const whole: Record<string, unknown> = { index, delta: message, finish_reason: finish_reason ?? 'stop' }
  for (const key in choice) {
    if (key === 'delta' || key === 'message' || Object.hasOwn(whole, key)) continue
    whole[key] = (choice as Readonly<Record<string, unknown>>)[key]
  }
  return whole
}

function notACompletion(): CcrError {
  return new CcrError(
    'CCR_STREAM_INVALID',
    'the answer is not a chat completion; is the base URL that of a Chat Completions endpoint?',
  )
}

function createReader(): WireReader<ChatEvent> {
  const repeated = new RepeatedChunk()
  const read = (text: string, name: string | undefined): ChatEvent | undefined => {
    const known = repeated.read(text)
    if (known && name !== 'error') return known
    const value = parseObject(text)
    if (name === 'error' && value?.['error'] === undefined) return { error: value ?? text }
    if (value) repeated.learn(text)
    return value
  }
  return createEventReader(read, { done: true })
}
