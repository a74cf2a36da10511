import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Counter } from '@ccr/sdk'
import { Tokenizer } from '@huggingface/tokenizers'

/** Loads a `tokenizer.json`, and the `tokenizer_config.json` beside it where there is one. */
export async function createCounter(data: unknown): Promise<Counter> {
  const { file } = data as { readonly file: string }
  const [tokenizer, config] = await Promise.all([
    readJson(file),
    readJson(join(dirname(file), 'tokenizer_config.json')).catch(() => ({})),
  ])
  const model = new Tokenizer(tokenizer, config)
  return (text) => model.tokenize(text, { add_special_tokens: false }).length
}

async function readJson(file: string): Promise<object> {
  return JSON.parse(await readFile(file, 'utf8')) as object
}
