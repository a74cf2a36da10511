import {
  CcrError,
  checkRequest,
  createEventReader,
  endpointRoot,
  errorInPlaceOf,
  parseObject,
  readErrorBody,
  stripExtensions,
  ToolNames,
} from '@ccr/sdk'
import type { Address, Attempt, Outbound, Secret, TargetDialect, WireReader } from '@ccr/sdk'
import { createAdaptation, type Adaptation } from './adapt.ts'
import { GeminiDecoder, type Sent } from './decode.ts'
import { encodeRequest } from './encode.ts'
import { traitsOfError } from './errors.ts'
import type { TrailingSignatures } from './trailing-signatures.ts'
import { isFields, type GeminiBody, type GeminiEvent } from './wire.ts'

/**
 * At most 64 characters of [A-Za-z0-9_.:-], a letter or underscore first.
 * Source: https://ai.google.dev/api/caching#FunctionDeclaration
 */
const FUNCTION_NAMES = {
  accepts: /^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/,
  replaces: /[^A-Za-z0-9_.:-]/g,
  begins: /^[A-Za-z_]/,
}

/**
 * What the encoder did, for the decoder of the same attempt. Kept on the attempt itself: a WeakMap that changes with
 * every attempt holds on to many of them until the next full collection.
 */
const SENT = Symbol('sent')
type SentAttempt = Attempt & { [SENT]?: Sent }

/** Most models remembered of which something was said once. */
const MAX_SAID = 1000

/**
 * The provider side of generateContent.
 *
 * @param droppedSchema hears once of every model that gets no schema of its answer, because it takes none beside
 * functions
 */
export function createTarget(
  trailing: TrailingSignatures,
  adaptation: Adaptation = createAdaptation(),
  droppedSchema: (provider: string, model: string) => void = () => undefined,
): TargetDialect<GeminiBody, GeminiEvent> {
  const said = new Set<string>()
  return {
    encode(request, outbound, attempt: SentAttempt) {
      checkRequest(request)
      const names = new ToolNames(FUNCTION_NAMES)
      attempt[SENT] = { request, names }
      const refused = adaptation.refusedBy(attempt.target, attempt)
      const { provider } = attempt.target
      const { model } = outbound
      const onDroppedSchema = (): void => {
        const key = `${provider}\n${model}`
        if (said.has(key) || said.size >= MAX_SAID) return
        said.add(key)
        droppedSchema(provider, model)
      }
      return encodeRequest(request, { model, provider, names, trailing, refused, onDroppedSchema })
    },
    strip: stripExtensions,
    address,
    reader: (contentType) => (/^\s*text\/event-stream\b/i.test(contentType) ? createReader() : undefined),
    explode,
    decoder: (attempt: SentAttempt) => new GeminiDecoder(attempt, attempt[SENT], trailing),
    error: (body) => readErrorBody(body, traitsOfError),
  }
}

function address({ baseUrl, model, stream }: Outbound, secret: Secret | undefined): Address {
  return {
    url: urlOf(baseUrl, model, stream),
    headers: { 'content-type': 'application/json', accept: stream ? 'text/event-stream' : 'application/json' },
    auth: secret && { scheme: 'header', name: 'x-goog-api-key', secret },
  }
}

/** `base` is an origin, a versioned root, the folder of the models, the URL of one, or another protocol's endpoint. */
function urlOf(base: string, model: string, stream: boolean): string {
  const cut = base.search(/[?#]/)
  const path = endpointRoot(base).replace(/\/models\/[^/]*:\w+$/, '/models')
  const query = cut < 0 || base[cut] === '#' ? '' : base.slice(cut).replace(/#.*$/, '')
  const root = /^https?:\/\/[^/]+$/.test(path) ? `${path}/v1beta` : path
  const steps = model.split('/')
  // It would lead out of the folder of the models, with the provider's key; or half a character has no URL form.
  if (steps.some((step) => step === '.' || step === '..') || /\p{Surrogate}/u.test(model))
    throw new CcrError('CCR_REQUEST_INVALID', `model: '${model}' is no name of a model`)
  const name = steps.map(encodeURIComponent).join('/').replaceAll('%2C', ',')
  const folder = root.endsWith('/models') ? root.slice(0, -'/models'.length) : root
  const resource = /^(?:models|tunedModels)\//.test(name) ? name : `models/${name}`
  const url = `${folder}/${resource}:${stream ? 'streamGenerateContent' : 'generateContent'}${query}`
  return stream ? `${url}${query === '' ? '?' : '&'}alt=sse` : url
}

/** A whole answer is one event, or, where a server streams without being asked for events, a list of them. */
function explode(answer: unknown): readonly GeminiEvent[] {
  if (Array.isArray(answer)) {
    if (answer.length === 0 || !answer.every(isFields)) throw notAnAnswer()
    return answer as readonly GeminiEvent[]
  }
  if (!isFields(answer)) throw notAnAnswer()
  const { candidates, promptFeedback, error } = answer
  if (error !== undefined && error !== null) return [answer]
  if (!Array.isArray(candidates) && !isFields(promptFeedback))
    throw errorInPlaceOf(answer, traitsOfError) ?? notAnAnswer()
  const [first] = Array.isArray(candidates) ? (candidates as readonly unknown[]) : []
  if (!isFields(first) || typeof first['finishReason'] === 'string') return [answer]
  // The answer is whole, so one without a reason simply stopped.
  return [{ ...answer, candidates: [{ ...first, finishReason: 'STOP' }] }]
}

function notAnAnswer(): CcrError {
  return new CcrError(
    'CCR_STREAM_INVALID',
    'the answer is not one of generateContent; is the base URL that of the Gemini API?',
  )
}

function createReader(): WireReader<GeminiEvent> {
  return createEventReader<GeminiEvent>((text, name) => {
    const value = parseObject(text)
    return name === 'error' && value?.['error'] === undefined ? { error: value ?? text } : value
  })
}
