import type { CanonicalRequest, JsonDocument, JsonObject, OutputConfig, Tool, ToolChoice } from '@ccr/sdk'
import { invalidRequest } from '@ccr/sdk'
import type { Asked } from './client-address.ts'
import { field, readContents, readText } from './client-contents.ts'
import { EXTRA, type GeminiExtra } from './extra.ts'
import { withDeclared } from './own-words.ts'
import { fromThinkingConfig } from './thinking.ts'
import { fromSchema } from './tool-schema.ts'
import { isFields, type Fields } from './wire.ts'

/**
 * A request of this API in canonical form. What the canonical form has no field for travels in `extra`, and is written
 * back only to this API.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the place by JSON pointer
 */
export function readRequest({ value }: JsonDocument, { model, action, asEvents }: Asked): CanonicalRequest {
  const known = new Known(value)
  const contents = known.take('contents')
  if (contents === undefined) throw invalidRequest('/contents', 'must be an array of contents')
  const system = known.take('systemInstruction')
  const { tools, others } = readTools(known.take('tools'))
  const { choice, allowed, rest: toolConfig } = readToolConfig(known.fields('toolConfig'))
  // The model must not call the others, whatever target it is.
  const offered = allowed ? tools.filter(({ name, type }) => type !== undefined || allowed.includes(name)) : tools
  const { config, rest: generationConfig } = readGenerationConfig(known.fields('generationConfig'))
  const isStream = action === 'streamGenerateContent'
  const extra: GeminiExtra = {
    ...(known.rest && { fields: known.rest }),
    ...(generationConfig && { generationConfig }),
    ...(toolConfig && { toolConfig }),
    ...(others.length > 0 && { tools: others }),
    ...(isStream && !asEvents && { asArray: true }),
  }
  return {
    model,
    messages: readContents(contents, '/contents'),
    stream: isStream,
    ...(system !== undefined && { system: readText(system, '/systemInstruction') }),
    ...(offered.length > 0 && { tools: offered }),
    ...(choice && { tool_choice: choice }),
    ...config,
    ...(Object.keys(extra).length > 0 && { extra: { [EXTRA]: extra } }),
  }
}

/** The fields of an object, and those that nobody took. */
class Known {
  readonly #left: Record<string, unknown> = {}

  constructor(fields: Fields) {
    for (const name of Object.keys(fields)) this.#left[name] = fields[name]
  }

  /** A field under either of its names; null is as good as absent. */
  take(name: string): unknown {
    const value = field(this.#left, name)
    delete this.#left[name]
    delete this.#left[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]
    return value ?? undefined
  }

  fields(name: string): Known | undefined {
    const value = this.take(name)
    return isFields(value) ? new Known(value) : undefined
  }

  number(name: string): number | undefined {
    const value = this.take(name)
    return typeof value === 'number' ? value : undefined
  }

  /** What is left, if anything. */
  get rest(): Fields | undefined {
    return Object.keys(this.#left).length > 0 ? this.#left : undefined
  }
}

function readTools(given: unknown): { readonly tools: readonly Tool[]; readonly others: readonly JsonObject[] } {
  const tools: Tool[] = []
  const others: JsonObject[] = []
  const list: readonly unknown[] = Array.isArray(given)
    ? (given as readonly unknown[])
    : given === undefined
      ? []
      : [given]
  list.forEach((one, at) => {
    if (!isFields(one)) throw invalidRequest(`/tools/${at}`, 'must be an object')
    const known = new Known(one)
    const functions = known.take('functionDeclarations')
    if (Array.isArray(functions))
      for (const declared of functions as readonly unknown[]) tools.push(readFunction(declared, `/tools/${at}`))
    const search = known.fields('googleSearch')
    // A search without settings is one that other targets can make, too.
    if (search && !search.rest) tools.push({ type: 'web_search_20250305', name: 'web_search' })
    else if (search) others.push({ googleSearch: search.rest })
    if (known.rest) others.push(known.rest)
  })
  return { tools, others }
}

function readFunction(declared: unknown, at: string): Tool {
  if (!isFields(declared) || typeof declared['name'] !== 'string')
    throw invalidRequest(at, 'declares a function without a name')
  const { name, description } = declared
  const schema = field(declared, 'parametersJsonSchema') ?? fromSchema(field(declared, 'parameters') ?? undefined)
  const tool: Tool = {
    name,
    ...(typeof description === 'string' && { description }),
    input_schema: isFields(schema) ? schema : { type: 'object', properties: {} },
  }
  return withDeclared(tool, declared)
}

function readToolConfig(known: Known | undefined): {
  readonly choice?: ToolChoice
  /** Names of the functions that may be called, where not all may. */
  readonly allowed?: readonly string[]
  readonly rest?: Fields | undefined
} {
  const calling = known?.take('functionCallingConfig')
  const rest = known?.rest
  if (!isFields(calling)) return { rest }
  const mode = typeof calling['mode'] === 'string' ? calling['mode'].toUpperCase() : ''
  const allowed = field(calling, 'allowedFunctionNames')
  const names = Array.isArray(allowed) ? (allowed as readonly unknown[]).filter((name) => typeof name === 'string') : []
  if (mode === 'ANY' && names.length === 1) return { choice: { type: 'tool', name: names[0]! }, rest }
  const type = CHOICES[mode]
  const isWhole = type !== undefined && mode !== 'VALIDATED' && names.length === 0
  return {
    ...(type && { choice: { type } }),
    ...(names.length > 0 && (mode === 'ANY' || mode === 'VALIDATED') && { allowed: names }),
    rest: isWhole ? rest : { ...rest, functionCallingConfig: calling },
  }
}

const CHOICES: Readonly<Record<string, 'auto' | 'any' | 'none' | undefined>> = {
  AUTO: 'auto',
  ANY: 'any',
  NONE: 'none',
  VALIDATED: 'auto',
}

function readGenerationConfig(known: Known | undefined): {
  readonly config: Partial<CanonicalRequest>
  readonly rest?: Fields | undefined
} {
  if (!known) return { config: {} }
  const maxTokens = known.number('maxOutputTokens')
  const temperature = known.number('temperature')
  const topP = known.number('topP')
  const topK = known.number('topK')
  const stops = known.take('stopSequences')
  const thinkingConfig = known.take('thinkingConfig')
  const { thinking, output_config: effort } = isFields(thinkingConfig) ? fromThinkingConfig(thinkingConfig) : {}
  const mimeType = known.take('responseMimeType')
  const jsonSchema = known.take('responseJsonSchema')
  const ownSchema = known.take('responseSchema')
  const schema = jsonSchema ?? fromSchema(ownSchema)
  const isJson = mimeType === 'application/json' && isFields(schema)
  const answer: OutputConfig = isJson ? { format: { type: 'json_schema', schema } } : {}
  const outputConfig = { ...effort, ...answer }
  const unsaid: Record<string, unknown> = { ...known.rest }
  // An answer may also be one word of a list (`text/x.enum`), which only this API knows.
  const format = { responseMimeType: mimeType, responseJsonSchema: jsonSchema, responseSchema: ownSchema }
  if (!isJson) for (const [name, value] of Object.entries(format)) if (value !== undefined) unsaid[name] = value
  return {
    config: {
      ...(maxTokens !== undefined && { max_tokens: maxTokens }),
      ...(temperature !== undefined && { temperature }),
      ...(topP !== undefined && { top_p: topP }),
      ...(topK !== undefined && { top_k: topK }),
      ...(Array.isArray(stops) && { stop_sequences: (stops as unknown[]).filter((stop) => typeof stop === 'string') }),
      ...(thinking && { thinking }),
      ...(Object.keys(outputConfig).length > 0 && { output_config: outputConfig }),
    },
    rest: Object.keys(unsaid).length > 0 ? unsaid : undefined,
  }
}
