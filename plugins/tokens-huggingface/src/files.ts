import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import {
  tokenizerFields,
  tokenizerOf,
  type ProviderTokenizers,
  type Target,
  type TextTokenizer,
  type TokenizerField,
} from '@ccr/sdk'

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
): readonly TextTokenizer[] {
  const files = new Set(tokenizerFields(providers).map(({ field }) => fileOf(field, folder)))
  files.delete(undefined)
  return [...(files as Set<string>)].map((file) => ({
    name: `huggingface:${file}`,
    matches: (target: Target) => fileOf(tokenizerOf(providers, target), folder) === file,
    module,
    data: { file },
  }))
}

/** Whose fields name a type of this plugin and no file, as `provider` or `provider,model`. */
export function namelessOf(providers: readonly ProviderTokenizers[]): readonly string[] {
  return tokenizerFields(providers).flatMap(({ provider, model, field }) => {
    if (field['type'] !== 'huggingface' || fileOf(field, '') !== undefined) return []
    return model === undefined ? provider : `${provider},${model}`
  })
}

/** The file that `{ type: 'huggingface', model }` or `{ type: 'huggingface', path }` means, wherever a router runs. */
function fileOf(field: TokenizerField['field'] | undefined, folder: string): string | undefined {
  const { type, model, path } = field ?? {}
  if (type !== 'huggingface') return undefined
  if (typeof path === 'string' && path !== '') return resolve(folder, path.replace(/^~(?=\/)/, homedir()))
  if (typeof model !== 'string' || model === '') return undefined
  return join(folder, model.replace(/[^A-Za-z0-9_-]/g, '_'), 'tokenizer.json')
}
