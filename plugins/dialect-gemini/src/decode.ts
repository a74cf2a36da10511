import { CcrError, estimateInput, MessageWriter, reportedError, tokensOf } from '@ccr/sdk'
import type { AnswerDecoder, Attempt, CanonicalEvent, CanonicalRequest, Emit, ToolNames } from '@ccr/sdk'
import { RAW_PART } from './content.ts'
import { questionBefore } from './encode-contents.ts'
import { traitsOfError } from './errors.ts'
import { Grounding } from './grounding.ts'
import { PartialArguments } from './partial-args.ts'
import { sign, type PartSignature, type SignedPart } from './signatures.ts'
import { TextDigest, type TrailingSignatures } from './trailing-signatures.ts'
import { toUsage } from './usage.ts'
import { isFields, type Candidate, type FunctionCall, type GeminiEvent, type Part, type UsageMetadata } from './wire.ts'

/** What the encoder of an attempt leaves for its decoder. */
export interface Sent {
  readonly request: CanonicalRequest
  readonly names: ToolNames
}

/** A call whose arguments are still coming. */
interface OpenCall {
  readonly id: string | undefined
  readonly name: string
  readonly arguments: PartialArguments
  readonly signature: string | undefined
}

/** Events of generateContent → canonical events, for one answer. */
export class GeminiDecoder implements AnswerDecoder<GeminiEvent> {
  readonly #writer: MessageWriter
  readonly #newId: (prefix: string) => string
  readonly #provider: string
  readonly #sent: Sent | undefined
  readonly #kept: TrailingSignatures
  #emit: Emit<CanonicalEvent> = () => {}
  /** Signatures in the thinking block that was written last. */
  #signatures: PartSignature[] = []
  /** What was written last. */
  #last: 'thinking' | 'text' | 'other' | undefined
  /** A signature on a text part without text, until it is known whether anything follows. */
  #trailing: string | undefined
  #text = new TextDigest()
  #open: OpenCall | undefined
  #calls = 0
  #grounding: Grounding | undefined
  #counts: UsageMetadata = {}
  #finish: string | undefined
  /** The finish reason came by itself, and nothing was said since. */
  #marked = false
  /** Characters of the answer, from which its tokens are guessed when nobody counts them. */
  #characters = 0

  constructor(attempt: Attempt, sent: Sent | undefined, trailing: TrailingSignatures) {
    const { exchange, target } = attempt
    this.#sent = sent
    this.#kept = trailing
    this.#newId = (prefix) => exchange.newId(prefix)
    this.#provider = target.provider
    this.#writer = new MessageWriter((event) => this.#emit(event), {
      model: exchange.request.model,
      newId: this.#newId,
      sign: () => sign({ provider: target.provider, signatures: [] }),
      toolName: sent && ((name) => sent.names.fromWire(name)),
      estimateInput: () => estimateInput(exchange.request),
    })
  }

  /** The protocol knows no mark of the end, and some models give a finish reason with every piece. */
  get complete(): boolean {
    return this.#marked
  }

  chunk(event: GeminiEvent, emit: Emit<CanonicalEvent>): void {
    this.#emit = emit
    if (event.error !== undefined && event.error !== null) throw reportedError(event, traitsOfError)
    if (isFields(event.usageMetadata)) {
      this.#counts = { ...this.#counts, ...event.usageMetadata }
      this.#writer.usage(toUsage(this.#counts))
    }
    const { promptFeedback } = event
    const candidate = firstCandidate(event)
    if (!candidate) {
      if (isFields(promptFeedback) && promptFeedback['blockReason']) this.#block(promptFeedback['blockReasonMessage'])
      return
    }
    this.#writer.start()
    const parts = candidate.content?.parts
    if (Array.isArray(parts))
      for (const part of parts as readonly unknown[]) if (isFields(part)) this.#part(part as Part)
    if (isFields(candidate.groundingMetadata)) {
      this.#grounding ??= new Grounding()
      this.#grounding.add(candidate.groundingMetadata)
    }
    const finishes = typeof candidate.finishReason === 'string'
    if (finishes) this.#stop(candidate.finishReason!, candidate.finishMessage)
    const says = Array.isArray(parts) && !parts.every((part: Part | null) => part?.text === '')
    this.#marked = !says && (this.#marked || finishes)
  }

  flush(emit: Emit<CanonicalEvent>): void {
    const writer = this.#writer
    if (writer.ended) return
    this.#emit = emit
    if (this.#finish === undefined) throw new CcrError('CCR_STREAM_ENDED', 'the answer ended before its finish reason')
    if (this.#open && this.#finish !== 'max_tokens')
      throw new CcrError('CCR_STREAM_INVALID', `the arguments of tool call '${this.#open.name}' were never completed`)
    if (this.#trailing === undefined || this.#last !== 'text') this.#settle()
    else if (this.#sent) {
      const { messages } = this.#sent.request
      this.#kept.remember(this.#provider, questionBefore(messages, messages.length), this.#text, this.#trailing)
    }
    this.#grounding?.write(writer, this.#newId, this.#last === 'text')
    if (typeof this.#counts.candidatesTokenCount !== 'number' && typeof this.#counts.thoughtsTokenCount !== 'number')
      writer.guessOutput(tokensOf(this.#characters))
    writer.stop(this.#finish === 'end_turn' && writer.hasCalls ? 'tool_use' : this.#finish)
    writer.end()
  }

  #part(part: Part): void {
    const { text, functionCall, thought } = part
    const signature = part.thoughtSignature || undefined
    if (isFields(functionCall)) return this.#function(functionCall, signature)
    if (typeof text !== 'string') {
      // What a server-side tool said, or media: kept as it is, because it must come back as it is.
      if (Object.keys(part).some((key) => key !== 'thought' && key !== 'thoughtSignature')) this.#raw(part)
      return
    }
    this.#characters += text.length
    if (thought === true) {
      this.#think(text)
      if (signature !== undefined) this.#sign('thought', signature)
    } else if (text !== '') {
      if (signature !== undefined) this.#sign('text', signature)
      else this.#settle()
      if (this.#last !== 'text') this.#text = new TextDigest()
      this.#last = 'text'
      this.#text.add(text)
      this.#writer.text(text)
    } else if (signature !== undefined) {
      this.#settle()
      this.#trailing = signature
    }
  }

  /** Something follows a signature that stood alone, so that a block may carry it. */
  #settle(): void {
    const signature = this.#trailing
    this.#trailing = undefined
    if (signature !== undefined) this.#sign('empty', signature)
  }

  #think(text: string): void {
    if (text === '') return
    this.#settle()
    // The writer begins another block behind a signed one.
    this.#signatures = []
    this.#last = 'thinking'
    this.#writer.thinking(text)
  }

  /** Puts a signature into the thinking block before its part; where there is none, an empty one is made. */
  #sign(on: SignedPart, signature: string): void {
    this.#settle()
    if (this.#last !== 'thinking') this.#signatures = []
    this.#last = 'thinking'
    this.#signatures.push({ on, signature })
    this.#writer.signature(sign({ provider: this.#provider, signatures: this.#signatures }))
  }

  #function(call: FunctionCall, signature: string | undefined): void {
    const { id, name, willContinue } = call
    let open = this.#open
    if (typeof name === 'string' && name !== '') {
      if (open)
        throw new CcrError('CCR_STREAM_INVALID', `the arguments of tool call '${open.name}' were never completed`)
      open = { id: typeof id === 'string' ? id : undefined, name, arguments: new PartialArguments(), signature }
    }
    if (!open) {
      if (Object.keys(call).length === 0) return
      throw new CcrError('CCR_STREAM_INVALID', 'a tool call has no name; the answer was given up')
    }
    open.arguments.add(call)
    this.#open = willContinue === true ? open : undefined
    if (willContinue !== true) this.#call(open)
  }

  #call(call: OpenCall): void {
    const text = call.arguments.toJson()
    this.#characters += text.length
    if (call.signature !== undefined) this.#sign('call', call.signature)
    else this.#settle()
    this.#last = 'other'
    this.#writer.tool(String(this.#calls++), { id: call.id, name: call.name, arguments: text })
  }

  #raw(part: Part): void {
    const { inlineData, thoughtSignature } = part
    const isImage = isFields(inlineData) && /^image\//.test(String(inlineData['mimeType'])) && !part.thought
    if (isImage && thoughtSignature) this.#sign('image', thoughtSignature)
    else this.#settle()
    this.#last = 'other'
    if (!isImage) return this.#writer.block({ type: RAW_PART, part })
    const source = { type: 'base64', media_type: inlineData['mimeType'], data: inlineData['data'] } as const
    this.#writer.block({ type: 'image', source } as never)
  }

  /** The prompt was refused: there is no answer at all. */
  #block(message: unknown): void {
    this.#writer.start()
    if (typeof message === 'string') {
      this.#last = 'text'
      this.#writer.text(message)
    }
    this.#finish = 'refusal'
    this.#marked = true
  }

  #stop(reason: string, message: string | null | undefined): void {
    if (FAILED.has(reason))
      throw reportedError(
        { message: message || `the upstream ended its answer with ${reason}`, status: 'INTERNAL' },
        traitsOfError,
      )
    this.#finish = REASONS.get(reason) ?? 'end_turn'
  }
}

function firstCandidate(event: GeminiEvent): Candidate | undefined {
  const { candidates } = event
  if (!Array.isArray(candidates)) return undefined
  return (candidates as readonly unknown[]).find((one) => isFields(one) && !one['index']) as Candidate | undefined
}

const REFUSED = [
  ...['SAFETY', 'RECITATION', 'LANGUAGE', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII', 'MODEL_ARMOR'],
  ...['IMAGE_SAFETY', 'IMAGE_PROHIBITED_CONTENT', 'IMAGE_RECITATION', 'IMAGE_OTHER'],
] as const

/** Other reasons end the turn. Source: https://ai.google.dev/api/generate-content#FinishReason */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['MAX_TOKENS', 'max_tokens'],
  ...REFUSED.map((reason) => [reason, 'refusal'] as const),
])

/** Reasons that say the answer failed. */
const FAILED: ReadonlySet<string> = new Set(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'TOO_MANY_TOOL_CALLS'])
