import type { CanonicalEvent, CanonicalUsage } from '../canonical.ts'
import type { AttemptRecord, Exchange, ExchangeStatus, TokenCounts, UsageRecord } from '../exchange.ts'
import { tokensOf } from '../estimate.ts'
import { mergeUsage } from '../message.ts'
import { tokenCounts } from '../usage.ts'

type Delta = Extract<CanonicalEvent, { readonly type: 'content_block_delta' }>['delta']

/** Reads usage and the time of the first content off the events of one exchange. */
export class UsageTracker {
  readonly #began = performance.now()
  #usage: CanonicalUsage = {}
  #answer: { readonly appendedOutput: number } = { appendedOutput: 0 }
  /** Of the answer so far; an upstream says most often at the end alone what it took. */
  #characters = 0
  #firstEventMs: number | undefined

  /** A new attempt begins; what the last one counted was not delivered. */
  reset(answer: { readonly appendedOutput: number }): void {
    this.#usage = {}
    this.#characters = 0
    this.#answer = answer
  }

  see(events: readonly CanonicalEvent[]): void {
    for (const event of events) {
      if (event.type === 'message_start') this.#usage = mergeUsage({}, event.message.usage)
      else if (event.type === 'message_delta') this.#usage = mergeUsage(this.#usage, event.usage)
      else if (event.type === 'content_block_delta') this.#characters += charactersIn(event.delta)
    }
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
      tokens: this.#own(tokenCounts(this.#usage), end.status !== 'ok'),
      partial: end.status !== 'ok',
      attempts: end.attempts,
    }
  }

  /** The client is told of all it got; what was appended stands with the exchanges that it came from. */
  #own(tokens: TokenCounts, partial: boolean): TokenCounts {
    const { appendedOutput } = this.#answer
    const output = partial ? Math.max(tokens.output, tokensOf(this.#characters)) : tokens.output
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
