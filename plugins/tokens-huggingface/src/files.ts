import { join, resolve } from 'node:path'
import { tokenizerOf, type ProviderTokenizers, type Target, type Tokenizer } from '@ccr/sdk'

/**
 * A tokenizer for each `tokenizer.json` that the providers' `tokenizer` fields name.
 *
 * @param folder where the files of models are, each in a folder of its own
 * @param module URL of the compiled counter
 */
export function tokenizersOf(
  providers: readonly ProviderTokenizers[],
  folder: string,
  module: string,
): readonly Tokenizer[] {
  const files = new Set(providers.flatMap(({ tokenizer }) => namedIn(tokenizer)).map((one) => fileOf(one, folder)))
  files.delete(undefined)
  return [...(files as Set<string>)].map((file) => ({
    name: `huggingface:${file}`,
    matches: (target: Target) => fileOf(tokenizerOf(providers, target), folder) === file,
    module,
    data: { file },
  }))
}

/** The file that `{ type: 'huggingface', model }` or `{ type: 'huggingface', path }` means. */
function fileOf(field: unknown, folder: string): string | undefined {
  const { type, model, path } = (field ?? {}) as Readonly<Record<string, unknown>>
  if (type !== 'huggingface') return undefined
  if (typeof path === 'string' && path !== '') return resolve(path)
  if (typeof model !== 'string' || model === '') return undefined
  return join(folder, model.replace(/[^A-Za-z0-9_-]/g, '_'), 'tokenizer.json')
}

function namedIn(field: unknown): readonly unknown[] {
  const { default: standard, models } = (field ?? {}) as Readonly<Record<string, unknown>>
  return [standard, ...(typeof models === 'object' && models !== null ? Object.values(models) : [])]
}
