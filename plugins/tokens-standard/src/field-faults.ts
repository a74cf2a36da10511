import { isObject, tokenizerFields, type ProviderTokenizers, type Tokenizer } from '@ccr/sdk'
import { ENCODINGS, isEncoding } from './encodings.ts'

const FIELDS: readonly string[] = ['default', 'models']

/**
 * What is wrong with the providers' `tokenizer` fields, as sentences; nothing of it counts.
 *
 * @param types those whose faults other plugins tell
 */
export function fieldFaults(
  providers: readonly ProviderTokenizers[],
  contributed: readonly Tokenizer[],
  types: readonly string[],
): readonly string[] {
  const shapes = providers.flatMap(({ name, tokenizer }) => {
    return shapeFaults(tokenizer ?? {}).map((fact) => `the tokenizer of '${name}' ${fact}`)
  })
  const fields = tokenizerFields(providers).flatMap(({ provider, model, field: { type = 'tiktoken', encoding } }) => {
    const subject = `the tokenizer of '${model === undefined ? provider : `${provider},${model}`}'`
    if (contributed.some((one) => one.matches({ provider, model: model ?? '' }))) return []
    if (types.some((one) => one === type)) return []
    if (type !== 'tiktoken') return [`${subject} has the type ${JSON.stringify(type)}, with which no plugin counts`]
    if (encoding === undefined || isEncoding(encoding)) return []
    return [`${subject} has an encoding that is none of ${ENCODINGS.join(', ')}`]
  })
  return [...shapes, ...fields]
}

function shapeFaults(tokenizer: unknown): readonly string[] {
  if (!isObject(tokenizer)) return ['is no object { default, models }']
  const unknown = Object.keys(tokenizer).filter((name) => !FIELDS.includes(name))
  const { default: standard = {}, models = {} } = tokenizer
  return [
    ...unknown.map((name) => `has no field '${name}'; it knows ${FIELDS.join(', ')}`),
    ...(isObject(standard) ? [] : ["has a default that is no object such as { type: 'tiktoken', encoding }"]),
    ...(isObject(models) && Object.values(models).every(isObject) ? [] : ['has models that are no object of objects']),
  ]
}
