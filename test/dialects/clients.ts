import { createAnthropic } from '@ai-sdk/anthropic'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import { generateText, jsonSchema, streamText, tool, type ToolSet } from 'ai'
import OpenAI from 'openai'

/** What a client understood of an answer, in words that all clients share. */
export interface Understood {
  readonly text: string
  readonly thinking: string
  readonly calls: readonly { readonly name: string; readonly input: unknown }[]
  readonly stop: 'end' | 'tool' | 'length'
  /** Without what came from a cache. */
  readonly input: number
  readonly cached: number
  readonly output: number
}

/** A question, and the answer to a tool call of the model where there was one. */
export interface Question {
  readonly model: string
  readonly text: string
  readonly stream: boolean
}

/** An official SDK. It offers one tool, and answers a call of it when asked to. */
export interface Client {
  ask(question: Question): Promise<Understood>
  /** Asks, answers the tool call with this result, and gives what came then. */
  converse(question: Question, result: string): Promise<Understood>
}

const TOOL = {
  name: 'get_weather',
  description: 'The weather of a city.',
  schema: { type: 'object' as const, properties: { city: { type: 'string' as const } }, required: ['city'] },
}
const KEY = 'any'

/** The official SDKs, each talking to the router at this URL. */
export function createClients(url: string): Readonly<Record<string, Client>> {
  return {
    '@anthropic-ai/sdk': anthropicClient(url),
    'openai (chat)': chatClient(url),
    'openai (responses)': responsesClient(url),
    '@google/genai': geminiClient(url),
    'ai + @ai-sdk/anthropic': aiClient(url),
  }
}

function anthropicClient(url: string): Client {
  const sdk = new Anthropic({ baseURL: url, apiKey: KEY, maxRetries: 0 })
  const send = async ({ model, stream }: Question, messages: Anthropic.MessageParam[]): Promise<Anthropic.Message> => {
    const tools = [{ name: TOOL.name, description: TOOL.description, input_schema: TOOL.schema }]
    const params = { model, max_tokens: 2000, messages, tools }
    return stream ? sdk.messages.stream(params).finalMessage() : sdk.messages.create(params)
  }
  const understood = ({ content, stop_reason, usage }: Anthropic.Message): Understood => ({
    text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    thinking: content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
    calls: content.flatMap((block) => (block.type === 'tool_use' ? [{ name: block.name, input: block.input }] : [])),
    stop: stop_reason === 'tool_use' ? 'tool' : stop_reason === 'max_tokens' ? 'length' : 'end',
    input: usage.input_tokens,
    cached: usage.cache_read_input_tokens ?? 0,
    output: usage.output_tokens,
  })
  return {
    ask: async (question) => understood(await send(question, [{ role: 'user', content: question.text }])),
    async converse(question, result) {
      const first = { role: 'user' as const, content: question.text }
      const { content } = await send(question, [first])
      const call = content.find((block) => block.type === 'tool_use')!
      const answer = { type: 'tool_result' as const, tool_use_id: call.id, content: result }
      const turns = [first, { role: 'assistant' as const, content }, { role: 'user' as const, content: [answer] }]
      return understood(await send(question, turns))
    },
  }
}

function chatClient(url: string): Client {
  const sdk = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 })
  type Messages = OpenAI.Chat.ChatCompletionMessageParam[]
  const send = async ({ model, stream }: Question, messages: Messages): Promise<OpenAI.Chat.ChatCompletion> => {
    const tools = [
      {
        type: 'function' as const,
        function: { name: TOOL.name, description: TOOL.description, parameters: TOOL.schema },
      },
    ]
    const params = { model, messages, tools, max_completion_tokens: 2000 }
    if (!stream) return sdk.chat.completions.create(params)
    const answer = sdk.chat.completions.stream({ ...params, stream_options: { include_usage: true } })
    // The SDK puts fields together that it knows; of others it keeps the last part.
    let reasoning = ''
    answer.on('chunk', ({ choices }) => {
      reasoning += (choices[0]?.delta as { reasoning_content?: string } | undefined)?.reasoning_content ?? ''
    })
    const completion = await answer.finalChatCompletion()
    if (reasoning !== '') Object.assign(completion.choices[0]!.message, { reasoning_content: reasoning })
    return completion
  }
  const understood = ({ choices, usage }: OpenAI.Chat.ChatCompletion): Understood => {
    const { message, finish_reason: reason } = choices[0]!
    const cached = usage?.prompt_tokens_details?.cached_tokens ?? 0
    return {
      text: message.content ?? '',
      thinking: (message as { reasoning_content?: string }).reasoning_content ?? '',
      calls: (message.tool_calls ?? []).flatMap((call) =>
        call.type === 'function'
          ? [{ name: call.function.name, input: JSON.parse(call.function.arguments) as unknown }]
          : [],
      ),
      stop: reason === 'tool_calls' ? 'tool' : reason === 'length' ? 'length' : 'end',
      input: (usage?.prompt_tokens ?? 0) - cached,
      cached,
      output: usage?.completion_tokens ?? 0,
    }
  }
  return {
    ask: async (question) => understood(await send(question, [{ role: 'user', content: question.text }])),
    async converse(question, result) {
      const first = { role: 'user' as const, content: question.text }
      const { message } = (await send(question, [first])).choices[0]!
      const answer = { role: 'tool' as const, tool_call_id: message.tool_calls![0]!.id, content: result }
      return understood(await send(question, [first, message, answer]))
    },
  }
}

function responsesClient(url: string): Client {
  const sdk = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 })
  type Input = OpenAI.Responses.ResponseInputItem[]
  const send = async ({ model, stream }: Question, input: Input): Promise<OpenAI.Responses.Response> => {
    const tools = [
      {
        type: 'function' as const,
        name: TOOL.name,
        description: TOOL.description,
        parameters: TOOL.schema,
        strict: false,
      },
    ]
    const params = { model, input, tools, max_output_tokens: 2000, store: false }
    return stream ? sdk.responses.stream(params).finalResponse() : sdk.responses.create(params)
  }
  const understood = ({ output, usage, incomplete_details: cut }: OpenAI.Responses.Response): Understood => {
    const calls = output.flatMap((item) =>
      item.type === 'function_call' ? [{ name: item.name, input: JSON.parse(item.arguments) as unknown }] : [],
    )
    const cached = usage?.input_tokens_details.cached_tokens ?? 0
    return {
      text: output
        .flatMap((item) => (item.type === 'message' ? item.content : []))
        .map((part) => (part.type === 'output_text' ? part.text : ''))
        .join(''),
      thinking: output
        .flatMap((item) => (item.type === 'reasoning' ? item.summary : []))
        .map(({ text }) => text)
        .join(''),
      calls,
      stop: cut?.reason === 'max_output_tokens' ? 'length' : calls.length > 0 ? 'tool' : 'end',
      input: (usage?.input_tokens ?? 0) - cached,
      cached,
      output: usage?.output_tokens ?? 0,
    }
  }
  return {
    ask: async (question) => understood(await send(question, [{ role: 'user', content: question.text }])),
    async converse(question, result) {
      const first = { role: 'user' as const, content: question.text }
      const { output } = await send(question, [first])
      const call = output.find((item) => item.type === 'function_call')!
      const answer = { type: 'function_call_output' as const, call_id: call.call_id, output: result }
      return understood(await send(question, [first, ...(output as Input), answer]))
    },
  }
}

function geminiClient(url: string): Client {
  const sdk = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: url } })
  type Contents = NonNullable<Parameters<typeof sdk.models.generateContent>[0]['contents']>
  type Answer = Awaited<ReturnType<typeof sdk.models.generateContent>>
  const send = async ({ model, stream }: Question, contents: Contents): Promise<readonly Answer[]> => {
    const declaration = { name: TOOL.name, description: TOOL.description, parametersJsonSchema: TOOL.schema }
    const config = { maxOutputTokens: 2000, tools: [{ functionDeclarations: [declaration] }] }
    const params = { model, contents, config }
    if (!stream) return [await sdk.models.generateContent(params)]
    const answers: Answer[] = []
    for await (const answer of await sdk.models.generateContentStream(params)) answers.push(answer)
    return answers
  }
  const partsOf = (answers: readonly Answer[]) =>
    answers.flatMap((answer) => answer.candidates?.[0]?.content?.parts ?? [])
  const understood = (answers: readonly Answer[]): Understood => {
    const parts = partsOf(answers)
    const reason = answers.findLast((answer) => answer.candidates?.[0]?.finishReason)?.candidates?.[0]?.finishReason
    const usage = answers.findLast((answer) => answer.usageMetadata)?.usageMetadata
    const cached = usage?.cachedContentTokenCount ?? 0
    const calls = parts.flatMap(({ functionCall: call }) => (call ? [{ name: call.name!, input: call.args }] : []))
    return {
      text: parts.map(({ text, thought }) => (thought ? '' : (text ?? ''))).join(''),
      thinking: parts.map(({ text, thought }) => (thought ? (text ?? '') : '')).join(''),
      calls,
      stop: reason === 'MAX_TOKENS' ? 'length' : calls.length > 0 ? 'tool' : 'end',
      input: (usage?.promptTokenCount ?? 0) - cached,
      cached,
      output: (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
    }
  }
  return {
    ask: async (question) => understood(await send(question, [{ role: 'user', parts: [{ text: question.text }] }])),
    async converse(question, result) {
      const first = { role: 'user', parts: [{ text: question.text }] }
      const parts = partsOf(await send(question, [first]))
      const { id, name } = parts.find(({ functionCall }) => functionCall)!.functionCall!
      const answer = { functionResponse: { ...(id && { id }), name: name!, response: { output: result } } }
      return understood(await send(question, [first, { role: 'model', parts }, { role: 'user', parts: [answer] }]))
    },
  }
}

function aiClient(url: string): Client {
  const provider = createAnthropic({ baseURL: `${url}/v1`, apiKey: KEY })
  const run = async ({ model, text, stream }: Question, steps: number, result?: string): Promise<Understood> => {
    const described = { description: TOOL.description, inputSchema: jsonSchema<{ city: string }>(TOOL.schema) }
    const weather = result === undefined ? tool(described) : tool({ ...described, execute: () => result })
    const params = {
      model: provider(model),
      prompt: text,
      // The SDK's own types do not fit together where optional properties are exact.
      tools: { [TOOL.name]: weather } as ToolSet,
      maxOutputTokens: 2000,
      maxRetries: 0,
      stopWhen: ({ steps: done }: { steps: readonly unknown[] }) => done.length >= steps,
    }
    const answer = stream ? streamText(params) : await generateText(params)
    const usage = await answer.usage
    const reason = await answer.finishReason
    const cached = usage.inputTokenDetails.cacheReadTokens ?? 0
    return {
      text: await answer.text,
      thinking: (await answer.reasoningText) ?? '',
      calls: (await answer.toolCalls).map(({ toolName, input }) => ({ name: toolName, input })),
      stop: reason === 'tool-calls' ? 'tool' : reason === 'length' ? 'length' : 'end',
      input: (usage.inputTokens ?? 0) - cached,
      cached,
      output: usage.outputTokens ?? 0,
    }
  }
  return { ask: (question) => run(question, 1), converse: (question, result) => run(question, 2, result) }
}
