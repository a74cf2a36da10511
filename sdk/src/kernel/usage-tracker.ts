import type { CanonicalEvent, CanonicalUsage } from '../canonical.ts'
import type { AttemptRecord, Exchange, ExchangeStatus, TokenCounts, UsageRecord } from '../exchange.ts'
import { tokensOf } from '../estimate.ts'
import { mergeUsage } from '../message.ts'
import { isEstimated, tokenCounts } from '../usage.ts'

type Delta = Extract<CanonicalEvent, { readonly type: 'content_block_delta' }>['delta']

/** Reads usage and the time of the first content off the events of one exchange. */
export class UsageTracker {
  readonly #began = performance.now()
  #usage: CanonicalUsage = {}
  #estimated = false
  #answer: { readonly appendedOutput: number } = { appendedOutput: 0 }
  /** Of the answer so far; an upstream says most often at the end alone what it took. */
  #characters = 0
  #firstEventMs: number | undefined

  /** A new attempt begins; what the last one counted was not delivered. */
  reset(answer: { readonly appendedOutput: number }): void {
    this.#usage = {}
    this.#estimated = false
    this.#characters = 0
    this.#answer = answer
  }

  see(events: readonly CanonicalEvent[]): void {
    for (const event of events) {
      if (event.type === 'message_start') this.#usage = mergeUsage({}, event.message.usage)
      else if (event.type === 'message_delta') this.#end(event.usage)
      else if (event.type === 'content_block_delta') this.#characters += charactersIn(event.delta)
    }
  }

  #end(usage: CanonicalUsage | undefined): void {
    this.#usage = mergeUsage(this.#usage, usage)
    this.#estimated ||= isEstimated(usage)
  }

  committed(): void {
    this.#firstEventMs ??= this.#elapsed()
  }

  record(
    exchange: Exchange & Pick<UsageRecord, 'requestedModel' | 'stream'>,
    end: { readonly status: ExchangeStatus; readonly httpStatus: number; readonly attempts: readonly AttemptRecord[] },
  ): UsageRecord {
    const last = end.attempts.at(-1)
    const { plan } = exchange
    const partial = end.status !== 'ok'
    const counted = tokenCounts(this.#usage)
    const guess = partial ? tokensOf(this.#characters) : 0
    return {
      id: exchange.id,
      startedAt: exchange.startedAt,
      ms: this.#elapsed(),
      firstEventMs: this.#firstEventMs,
      client: exchange.client,
      dialect: exchange.dialect,
      requestedModel: exchange.requestedModel,
      stream: exchange.stream,
      provider: last?.provider,
      model: last?.model,
      route: plan && { decidedBy: plan.decidedBy, scenario: plan.scenario },
      status: end.status,
      httpStatus: end.httpStatus,
      tokens: this.#own(counted, Math.max(counted.output, guess)),
      estimated: this.#estimated || guess > counted.output,
      partial,
      attempts: end.attempts,
    }
  }

  /** The client is told of all it got; what was appended stands with the exchanges that it came from. */
  #own(tokens: TokenCounts, output: number): TokenCounts {
    const { appendedOutput } = this.#answer
    return output === tokens.output && appendedOutput === 0
      ? tokens
      : { ...tokens, output: Math.max(0, output - appendedOutput) }
  }

  #elapsed(): number {
    return Math.round(performance.now() - this.#began)
  }
}

/** Of a frame that is passed on unread at most the type is known. */
function charactersIn(delta: Delta | undefined): number {
  const { text, thinking, partial_json: json } = (delta ?? {}) as Partial<Record<string, string>>
  return (text ?? thinking ?? json)?.length ?? 0
}
