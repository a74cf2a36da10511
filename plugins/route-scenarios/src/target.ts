import type { Provider, Target } from '@ccr/sdk'

/**
 * Splits `provider,model`: the provider is what stands before the first comma, the model everything after it, with all
 * its commas, slashes and colons. White space around either part is dropped. Nothing for a text without a comma.
 */
export function splitTarget(text: string): Target | undefined {
  const comma = text.indexOf(',')
  if (comma < 0) return undefined
  return { provider: text.slice(0, comma).trim(), model: text.slice(comma + 1).trim() }
}

/**
 * The target in the spelling of the configured provider and model, which are found without regard to case. What is not
 * configured stays as written: models may be unlisted, and an unknown provider is reported as the user wrote it.
 */
export function canonicalTarget(target: Target, providers: readonly Provider[]): Target {
  const name = spelling(
    target.provider,
    providers.map((provider) => provider.name),
  )
  const provider = providers.find((candidate) => candidate.name === name)
  if (!provider) return target
  return { provider: provider.name, model: spelling(target.model, provider.models) }
}

function spelling(written: string, known: readonly string[]): string {
  if (known.includes(written)) return written
  const lower = written.toLowerCase()
  return known.find((candidate) => candidate.toLowerCase() === lower) ?? written
}
