import { secretNames } from '@ccr/sdk/kernel'
import type { Assembly } from '../../config/assemble.ts'

/** Shorter values are not redacted: they would tear words out of every text. */
const SHORTEST = 6
const MARK = '[secret]'

/** Replaces what must not leave the router in a text. */
export type Redact = (text: string) => string

/** The secrets that one router has. */
interface RouterSecrets {
  readonly adminKey: string
  readonly env: NodeJS.ProcessEnv
}

/** Redacts what the config names as secret, the router's own key, and the variables that its plugins may read. */
export function redactorOf({ config, blueprint }: Assembly, { adminKey, env }: RouterSecrets): Redact {
  const worlds = [blueprint, ...Object.values(blueprint.profiles ?? {})]
  const declared = worlds.flatMap(({ entries }) => entries.flatMap(({ plugin }) => secretNames(plugin.capabilities)))
  return createRedactor([...config.secrets, adminKey, ...declared.flatMap((name) => env[name] ?? [])])
}

/**
 * Redacts the given values wherever they stand, also as JSON or a URL would write them, and what looks like a key. Most
 * texts hold nothing of the kind, so a search for plain words decides whether anything is replaced; the time is linear
 * in the text.
 */
export function createRedactor(secrets: readonly string[]): Redact {
  const values = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < SHORTEST) continue
    values.add(secret)
    values.add(JSON.stringify(secret).slice(1, -1))
    // A lone surrogate has no URL form.
    if (!LONE_SURROGATE.test(secret)) values.add(encodeURIComponent(secret))
  }
  // The longest first: a secret may begin with another one.
  const literals = [...values].sort((one, other) => other.length - one.length)
  const expression = new RegExp([...literals.map(escaped), ...PATTERNS].join('|'), 'g')
  // One look for all of them: a search for each took five times as long.
  const hint = new RegExp([...literals, ...HINTS].map(escaped).join('|'))
  return (text) => (hint.test(text) ? text.replace(expression, MARK) : text)
}

/** The same for what clients are told: they need not know who runs the router, and where. */
export function withoutHome(redact: Redact, home: string): Redact {
  const folder = home.replace(/\/+$/, '')
  if (folder === '') return redact
  const expression = new RegExp(`(?<=^|file://|[^\\w./-])${escaped(folder)}(?=/)`, 'g')
  return (text) => redact(text).replace(expression, '~')
}

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/

// No nested repetition: each pattern is linear.
const PATTERNS = [
  // `sk-…` and its relatives, but not the end of a word such as `task-…`.
  '(?<![A-Za-z0-9])(?:sk|pk|gsk|xai|nvapi)[-_][A-Za-z0-9_-]{16,}',
  '(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{30,}',
  '(?<=\\b[Bb]earer )[A-Za-z0-9._~+/=-]{8,}',
]
/** Each pattern holds one of these. */
const HINTS = ['sk-', 'sk_', 'pk-', 'pk_', 'xai-', 'xai_', 'nvapi-', 'nvapi_', 'AIza', 'Bearer ', 'bearer ']

function escaped(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
