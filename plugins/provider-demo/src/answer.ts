import { MessageWriter, signReasoning, type Attempt, type CanonicalEvent, type CanonicalRequest } from '@ccr/sdk'
import { readIntent, wantsThinking, type Intent } from './intent.ts'
import { beginning } from './words.ts'

/** The answer of the demo model: the same request is always answered the same, a word a batch. */
export async function* answer(request: CanonicalRequest, attempt: Attempt): AsyncGenerator<readonly CanonicalEvent[]> {
  let batch: CanonicalEvent[] = []
  const writer = new MessageWriter((event) => batch.push(event), {
    model: attempt.exchange.request.model,
    newId: (prefix) => attempt.exchange.newId(prefix),
    sign: () => signReasoning({ family: 'demo', payload: '' }),
  })
  const intent = readIntent(request)
  const limit = (request.max_tokens ?? Infinity) * CHARACTERS_PER_TOKEN
  let written = 0
  let cut = false
  writer.usage({ input_tokens: tokensOf(charactersOf([request.system, request.messages, request.tools])) })
  for (const piece of piecesOf(intent, wantsThinking(request))) {
    attempt.signal.throwIfAborted()
    cut = written + piece.text.length > limit
    if (cut) break
    written += piece.text.length
    if (piece.type === 'call') writer.tool('call', { name: piece.tool, arguments: piece.text })
    else writer[piece.type](piece.text)
    yield batch
    batch = []
  }
  attempt.signal.throwIfAborted()
  writer.usage({ output_tokens: tokensOf(written) })
  writer.stop(cut ? 'max_tokens' : intent.type === 'call' ? 'tool_use' : 'end_turn')
  writer.end()
  yield batch
}

type Piece =
  | { readonly type: 'thinking' | 'text'; readonly text: string }
  | { readonly type: 'call'; readonly tool: string; readonly text: string }

/** A rough count is all a demo needs. */
const CHARACTERS_PER_TOKEN = 4
const RESULT_CHARACTERS = 300
const HOW_TO_LEAVE =
  'To reach a real one, add it under `Providers` in config.json, name it in `Router.default` as "provider,model", ' +
  'and see `ccr --help`.'

function* piecesOf(intent: Intent, thinking: boolean): Generator<Piece> {
  if (thinking) yield* pieces('thinking', thoughtAbout(intent))
  if (intent.type === 'call') yield { type: 'call', tool: intent.tool, text: JSON.stringify(intent.input) }
  else yield* pieces('text', textFor(intent))
}

function* pieces(type: 'thinking' | 'text', text: string): Generator<Piece> {
  for (const [word] of text.matchAll(/\s*\S+/g)) yield { type, text: word }
}

function thoughtAbout(intent: Intent): string {
  switch (intent.type) {
    case 'json':
      return 'The client wants JSON of a given shape. I fill it from what was said.'
    case 'result':
      return 'The tool has answered. I show what it said.'
    case 'call':
      return `The user asks for something that the tool ${intent.tool} does. I call it with what the text says.`
    case 'talk':
      return 'I am a demo without knowledge. I repeat what was asked and say how to reach a real model.'
  }
}

function textFor(intent: Exclude<Intent, { type: 'call' }>): string {
  switch (intent.type) {
    case 'json':
      return JSON.stringify(intent.value)
    case 'result':
      if (intent.text.trim() === '') return `The tool ${intent.failed ? 'failed' : 'answered'} without a text.`
      return `The tool ${intent.failed ? 'failed' : 'answered'}: ${intent.text.trim().slice(0, RESULT_CHARACTERS)}`
    case 'talk':
      return `${greeting(intent.words)} ${HOW_TO_LEAVE}`
  }
}

function greeting(words: string): string {
  if (words === '') return "Nothing was asked yet; I am the router's built-in demo model."
  return `You said "${beginning(words, 12, 100)}"; I am the router's built-in demo model and know no more.`
}

/** The length of all texts and names in a JSON value. */
function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  let sum = 0
  for (const [key, inner] of Object.entries(value)) sum += (Array.isArray(value) ? 0 : key.length) + charactersOf(inner)
  return sum
}

function tokensOf(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN)
}
