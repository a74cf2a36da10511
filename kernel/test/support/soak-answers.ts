import { Agent } from 'node:http'
import { messagesBody, open, type Answer, type Call } from './client.ts'
import { checkSse } from './sse-check.ts'

/** What an answer says of the generation that made it. */
export interface Seen {
  /** The mark that all of its parts agree on. */
  readonly mark: string
  /** `provider/model` at the upstream. */
  readonly target: string
}

/** Why an exchange is no good. */
export type Flaw = 'failed' | 'cut' | 'mixed'

/** What became of an exchange. */
export type Outcome = { readonly seen: Seen } | { readonly flaw: Flaw; readonly fact: string }

/** How long an answer is and how fast it comes. */
export interface Pace {
  readonly words: number
  readonly everyMs: number
  /** Waits for a release of the upstream before its last word. */
  readonly hold?: string
}

const TEXT = /^\[open (\S+)\]\[also (\S+) (\d+)\]\[sent (\S+)\]\[model (\S+)\](.*)\[also (\S+) (\d+)\]\[close (\S+)\]$/

/** Begins a streamed exchange. */
export function ask(url: string, { words, everyMs, hold }: Pace, agent?: Agent, model = 'claude-soak'): Call {
  const content = `words=${words} every=${everyMs}${hold === undefined ? '' : ` hold=${hold}`}`
  const body = messagesBody(model, true, { messages: [{ role: 'user', content }] })
  return open(`${url}/v1/messages`, { body, ...(agent && { agent }) })
}

/** Judges a whole answer: complete, by the rules, and made by one generation. */
export function judge({ status, text, broken }: Answer, words: number): Outcome {
  if (status !== 200) return { flaw: 'failed', fact: `status ${status}: ${text.slice(0, 300)}` }
  const { outcome, violations, text: said, error } = checkSse(text)
  if (broken !== undefined) return { flaw: 'cut', fact: `${broken} after ${JSON.stringify(said)}` }
  if (outcome !== 'success') return { flaw: 'failed', fact: `${outcome}: ${JSON.stringify(error)} ${said}` }
  if (violations.length > 0) return { flaw: 'failed', fact: JSON.stringify(violations) }
  const parts = TEXT.exec(said)
  if (!parts) return { flaw: 'mixed', fact: `incomplete marks: ${said}` }
  const [, opened, also, section, sent, target, middle, alsoAfter, sectionAfter, closed] = parts as unknown as string[]
  const expected = Array.from({ length: words }, (_, word) => ` w${word}`).join('')
  if (middle !== expected) return { flaw: 'cut', fact: `${said} instead of ${words} words` }
  const marks = new Set([opened, also, sent, alsoAfter, closed])
  const sections = new Set([section, sectionAfter, sent!.split('.')[3], target!.split('-')[1]])
  if (marks.size > 1 || sections.size > 1) return { flaw: 'mixed', fact: said }
  return { seen: { mark: sent!, target: target! } }
}

/** Asks and judges. */
export async function exchange(url: string, pace: Pace, agent?: Agent): Promise<Outcome> {
  try {
    return judge(await ask(url, pace, agent).answer, pace.words)
  } catch (thrown) {
    return { flaw: 'failed', fact: String(thrown) }
  }
}

/** Clients that stream one answer after the other, each on a connection that it keeps. */
export class SoakClients {
  readonly #url: string
  readonly #count: number
  readonly #random: () => number
  readonly #took: (outcome: Outcome) => void
  #agents: Agent[] = []
  #running: Promise<unknown> = Promise.resolve()
  #going = false

  constructor(url: string, count: number, random: () => number, took: (outcome: Outcome) => void) {
    this.#url = url
    this.#count = count
    this.#random = random
    this.#took = took
  }

  start(): void {
    this.#going = true
    this.#agents = Array.from({ length: this.#count }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
    this.#running = Promise.all(this.#agents.map((agent) => this.#client(agent)))
  }

  /** Lets what runs come to its end, and closes the connections. */
  async stop(): Promise<void> {
    this.#going = false
    await this.#running
    for (const agent of this.#agents) agent.destroy()
  }

  async #client(agent: Agent): Promise<void> {
    while (this.#going) this.#took(await exchange(this.#url, this.#pace(), agent))
  }

  /** Mostly short answers, and one in ten that outlives many changes. */
  #pace(): Pace {
    const long = this.#random() < 0.1
    return { words: 2 + Math.floor(this.#random() * (long ? 40 : 10)), everyMs: 10 + Math.floor(this.#random() * 40) }
  }
}
