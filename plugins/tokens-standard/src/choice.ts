import {
  tokenizerOf,
  type PluginLog,
  type ProviderTokenizers,
  type RequestTokenizer,
  type Target,
  type TextTokenizer,
  type Tokenizer,
} from '@ccr/sdk'
import { isEncoding, knownEncoding, standardTokenizer, weightsOf } from './encodings.ts'
import { CountMemory } from './memory.ts'
import type { EncodingName } from './standard-counter.ts'
import type { TextWeights } from './text-estimate.ts'

/** Who counts for a target, with what is remembered of texts. */
export interface Choice {
  /** Stands in logs. */
  readonly name: string
  /** Who knows the tokens of a whole request, where somebody does; texts are then only estimated. */
  readonly asked?: RequestTokenizer | undefined
  readonly tokenizer: TextTokenizer
  readonly memory: CountMemory
  readonly weights: TextWeights
}

export interface ChoiceOptions {
  /** What counts where nothing else is known. */
  readonly encoding: EncodingName
  /** Where the compiled counter of the standard encodings is. */
  readonly module: string
  readonly contributed: readonly Tokenizer[]
  readonly providers: readonly ProviderTokenizers[]
  /** By the name of a tokenizer. */
  readonly memories: Map<string, CountMemory>
  readonly log: PluginLog
  readonly now: () => number
}

/** Characters whose counts are remembered, for each tokenizer. */
const REMEMBERED_CHARACTERS = 16 * 1024 * 1024
/** How long a tokenizer that failed is not tried again. */
const PAUSE_MS = 60_000
/** Targets whose tokenizer is remembered. */
const MOST_TARGETS = 1000
/** Clients name models; remembering longer names would let one fill the memory. */
const LONGEST_KEY = 1000

/** Chooses who counts for a target. */
export class Choices {
  /** What counts where nothing else is known, and where another tokenizer fails. */
  readonly standard: Choice
  readonly #options: ChoiceOptions
  readonly #choices = new Map<string, Choice>()
  readonly #byTarget = new Map<string, Choice>()
  readonly #pausedUntil = new Map<Choice, number>()
  /** When it was last said of a choice that it refused a request. */
  readonly #refusedAt = new Map<Choice, number>()

  constructor(options: ChoiceOptions) {
    this.#options = options
    this.standard = this.#choiceOf(standardTokenizer(options.encoding, options.module))
  }

  /** Contributed tokenizers come first, then the provider's `tokenizer` field, then what is known of the model. */
  for(target: Target | undefined): Choice {
    if (!target) return this.standard
    const key = `${target.provider},${target.model}`
    let choice = this.#byTarget.get(key)
    if (!choice) {
      choice = this.#choose(target)
      if (this.#byTarget.size >= MOST_TARGETS) this.#byTarget.clear()
      if (key.length <= LONGEST_KEY) this.#byTarget.set(key, choice)
    }
    return this.#isPaused(choice) ? this.standard : choice
  }

  /** A tokenizer failed: the standard one counts in its place for a while. */
  pause(choice: Choice, fault: string): void {
    const { log, now } = this.#options
    // Others were waiting for it when it failed first.
    if (this.#isPaused(choice)) return
    this.#pausedUntil.set(choice, now() + PAUSE_MS)
    const fact = `tokenizer '${choice.name}' failed: ${fault}`
    log.warn({ tokenizer: choice.name, fault }, `${fact}; for a minute tokens are counted without it`)
  }

  /** A tokenizer refused a request: that one alone is counted without it. Told once a minute, for clients cause it. */
  refuse(choice: Choice, fault: string): void {
    const { log, now } = this.#options
    const before = this.#refusedAt.get(choice)
    if (before !== undefined && now() < before + PAUSE_MS) return
    this.#refusedAt.set(choice, now())
    const fact = `tokenizer '${choice.name}' refused a request: ${fault}`
    log.warn({ tokenizer: choice.name, fault }, `${fact}; it is counted without it`)
  }

  #isPaused(choice: Choice): boolean {
    return (this.#pausedUntil.get(choice) ?? -Infinity) > this.#options.now()
  }

  #choose(target: Target): Choice {
    const { contributed, providers, module } = this.#options
    const tokenizer = contributed.find((one) => one.matches(target))
    if (tokenizer) return this.#choiceOf(tokenizer)
    const configured = tokenizerOf(providers, target)?.['encoding']
    const encoding = isEncoding(configured) ? configured : knownEncoding(target)
    return encoding ? this.#choiceOf(standardTokenizer(encoding, module)) : this.standard
  }

  #choiceOf(tokenizer: Tokenizer): Choice {
    const known = this.#choices.get(tokenizer.name)
    if (known) return known
    const choice =
      'count' in tokenizer ? { ...this.standard, name: tokenizer.name, asked: tokenizer } : this.#reading(tokenizer)
    this.#choices.set(tokenizer.name, choice)
    return choice
  }

  #reading(tokenizer: TextTokenizer): Choice {
    const { name } = tokenizer
    const { memories } = this.#options
    const memory = memories.get(name) ?? new CountMemory(REMEMBERED_CHARACTERS)
    memories.set(name, memory)
    return { name, tokenizer, memory, weights: weightsOf(tokenizer) }
  }
}
