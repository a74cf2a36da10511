import type { ClientInfo, UsageRecord } from '@ccr/sdk'

const SESSIONS = 1_000
/** Longer names of models are nobody's, and remembering them would let a client fill the memory. */
const LONGEST_MODEL = 256

/** How many tokens each session's last turn had, by the provider's own count. */
export class SessionSizes {
  readonly #sizes = new Map<string, number>()

  /** Subagents and models of a session are told apart; 0 where nothing is known. */
  lastOf(client: ClientInfo, model: string): number {
    return this.#sizes.get(keyOf(client, model)) ?? 0
  }

  /** Notes a turn that was answered, streamed or not. */
  record({ client, requestedModel, status, tokens }: UsageRecord): void {
    const size = tokens.input + tokens.cacheRead + tokens.cacheCreation
    if (client.sessionId === undefined || status !== 'ok' || size === 0) return
    if (requestedModel.length > LONGEST_MODEL) return
    // What is asked beside the conversation says nothing about its size.
    if (client.requestClass === 'auxiliary') return
    const key = keyOf(client, requestedModel)
    this.#sizes.delete(key)
    this.#sizes.set(key, size)
    if (this.#sizes.size > SESSIONS) this.#sizes.delete(this.#sizes.keys().next().value!)
  }
}

function keyOf({ sessionId = '', agentId = '' }: ClientInfo, model: string): string {
  return `${sessionId}\n${agentId}\n${model}`
}
