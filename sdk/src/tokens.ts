import { Type, type Static } from './typebox/index.ts'
import type { CanonicalRequest } from './canonical.ts'
import type { Target } from './exchange.ts'
import { isObject } from './is-object.ts'
import { spelledAs } from './spelled-as.ts'

/** How many tokens a request holds, as far as that is known without reading all of it again. */
export interface TokenBounds {
  readonly atLeast: number
  /** `Infinity` where nothing bounds it. */
  readonly atMost: number
  /** The most likely number, between the two. */
  readonly estimate: number
}

/** Counts tokens. The target says whose tokenizer counts; without one, that of the standard encoding. */
export interface TokenService {
  /** At once: counts that are remembered, and bounds for the blocks that were not seen before. */
  bounds(request: CanonicalRequest, target?: Target): TokenBounds
  /** Exact where the tokenizer is known. Blocks that are remembered cost nothing; long work yields to other work. */
  count(request: CanonicalRequest, target?: Target, signal?: AbortSignal): Promise<number>
  /** Whether a request holds more than `threshold` tokens: counted exactly only where the bounds leave it open. */
  exceeds(request: CanonicalRequest, threshold: number, target?: Target): boolean | Promise<boolean>
}

/** A tokenizer that a plugin contributes: one that counts texts, or somebody who is asked about whole requests. */
export type Tokenizer = TextTokenizer | RequestTokenizer

/** What every tokenizer has. */
export interface NamedTokenizer {
  /** Unique; it stands in logs. */
  readonly name: string
  /** Whether it counts for this target. The first contributed one that does is taken. */
  matches(target: Target): boolean
}

/**
 * Counts texts one by one, so that each is counted once in its life. Loading it and counting with it may take long, so
 * both happen in a thread of their own: what is contributed says where the code is.
 */
export interface TextTokenizer extends NamedTokenizer {
  /** URL of an ES module that exports a {@link CreateCounter} as `createCounter`. */
  readonly module: string
  /** What `createCounter` is given; copied into the thread. */
  readonly data?: unknown
  /**
   * The most bytes of UTF-8 that one token may stand for, where that is known. Without it the length of a text bounds
   * nothing, and what was not seen before has to be counted.
   */
  readonly maxTokenBytes?: number | undefined
}

/**
 * Knows how many tokens a whole request has, such as the provider itself; asking is taken to be slow. Texts are
 * estimated by the standard encoding, and it is asked where an estimate does not decide.
 */
export interface RequestTokenizer extends NamedTokenizer {
  /**
   * @throws CcrError `CCR_REQUEST_INVALID` for what it refuses: the standard encoding counts that request in its place
   * @throws anything else when there is no answer: the standard encoding counts for a while in its place
   */
  count(request: CanonicalRequest, target: Target, signal: AbortSignal | undefined): Promise<number>
}

/** Counts the tokens of a text; it gets long texts in pieces that end between words. */
export type Counter = (text: string) => number

/** Makes a counter, once in the life of a thread. */
export type CreateCounter = (data: unknown) => Counter | Promise<Counter>

/**
 * The section `Providers`, as plugins declare it that read the field `tokenizer` of a provider. Source: the routers
 * that ccr takes configs from.
 */
export const TokenizerSection = Type.Array(
  Type.Object({
    name: Type.String(),
    tokenizer: Type.Optional(
      Type.Unknown({ description: '`{ default, models: { <model> } }`: what counts its tokens.' }),
    ),
  }),
  { description: 'The providers, of each its name and what counts its tokens.' },
)

/** What counts the tokens of a provider's models. */
export type ProviderTokenizers = Static<typeof TokenizerSection>[number]

/**
 * What the providers' `tokenizer` fields say about a target: `models.<model>`, else `default`; nothing where there is
 * no such field.
 */
export function tokenizerOf(
  providers: readonly ProviderTokenizers[],
  { provider, model }: Target,
): Readonly<Record<string, unknown>> | undefined {
  const names = providers.map(({ name }) => name)
  const field = providers[names.indexOf(spelledAs(provider, names) ?? provider)]?.tokenizer
  const models = objectOf(fieldOf(field, 'models')) ?? {}
  const own = fieldOf(models, spelledAs(model, Object.keys(models)) ?? model)
  return objectOf(own) ?? objectOf(fieldOf(field, 'default'))
}

/** What one `tokenizer` field says, of all models of a provider or of the one that is named. */
export interface TokenizerField {
  readonly provider: string
  /** Nothing for `default`. */
  readonly model: string | undefined
  readonly field: Readonly<Record<string, unknown>>
}

/** All that the providers' `tokenizer` fields say; for a target {@link tokenizerOf} gives one of these very objects. */
export function tokenizerFields(providers: readonly ProviderTokenizers[]): readonly TokenizerField[] {
  return providers.flatMap(({ name: provider, tokenizer }) => {
    const models = Object.entries(objectOf(fieldOf(tokenizer, 'models')) ?? {})
    return [[undefined, fieldOf(tokenizer, 'default')] as const, ...models].flatMap(([model, value]) => {
      const field = objectOf(value)
      return field ? [{ provider, model, field }] : []
    })
  })
}

function fieldOf(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return isObject(value) ? value : undefined
}
