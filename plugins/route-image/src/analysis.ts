import type {
  CanonicalMessage,
  CanonicalRequest,
  ContentBlock,
  ImageBlock,
  Message,
  Target,
  TextBlock,
  ToolUseBlock,
} from '@ccr/sdk'
import { listOf } from './images.ts'

/** What a private call asks for. */
export interface Analysis {
  readonly images: readonly ImageBlock[]
  /** What is wrong with the call, told to the model. */
  readonly fault?: string | undefined
  readonly task: string
  /** Everything else that the call says, such as regions. */
  readonly details: Readonly<Record<string, unknown>>
}

/** Longest text of the user that goes along with a question. */
const CONTEXT_LENGTH = 8_000
/** Longest answer to the model, in characters. */
const ANSWER_LENGTH = 20_000
const MAX_TOKENS = 4_096

const SYSTEM =
  'You analyse images for another model, which cannot see them. Do exactly the task that is given, for exactly the ' +
  'images that are shown. Report what can be seen, text word for word, and say so where something cannot be made ' +
  'out. Add nothing beyond the task.'

/** Reads the arguments of a call, however loosely a model wrote them. */
export function readCall({ input }: ToolUseBlock, images: readonly ImageBlock[]): Analysis {
  const { imageId, task, ...details } = (input ?? {}) as Readonly<Record<string, unknown>>
  const ids = [imageId].flat().filter((id) => typeof id === 'string' || typeof id === 'number')
  const numbers = [...new Set(ids.flatMap((id) => String(id).match(/\d+/g) ?? []).map(Number))]
  // With one image there is nothing to choose from.
  const wanted = numbers.length === 0 && images.length === 1 ? [1] : numbers
  const found = wanted.flatMap((number) => images[number - 1] ?? [])
  const question = typeof task === 'string' && task.trim() !== '' ? task : 'Describe what it shows.'
  if (found.length === wanted.length && found.length > 0) return { images: found, task: question, details }
  const choice = images.length === 1 ? 'There is [Image #1].' : `There are [Image #1] to [Image #${images.length}].`
  const fault = wanted.length === 0 ? `imageId names no image. ${choice}` : `There is no such image. ${choice}`
  return { images: [], fault, task: question, details }
}

/** The request that the image model is sent: the images, what the user said, and the task. */
export function toRequest(analysis: Analysis, target: Target, context: string): CanonicalRequest {
  const images = analysis.images.map(({ cache_control: _, ...image }): ImageBlock => image)
  const details = Object.keys(analysis.details).length > 0 ? `\n\nDetails: ${JSON.stringify(analysis.details)}` : ''
  const said = context === '' ? '' : `What the user said, for context only:\n${context}\n\n`
  const text: TextBlock = { type: 'text', text: `${said}Task: ${analysis.task}${details}` }
  return {
    model: target.model,
    max_tokens: MAX_TOKENS,
    system: SYSTEM,
    messages: [{ role: 'user', content: [...images, text] }],
  }
}

/** What the image model said; nothing when it said nothing. */
export function readAnswer({ content }: CanonicalMessage): string | undefined {
  const text = textOf(content)
  return text === '' ? undefined : text.slice(0, ANSWER_LENGTH)
}

/** What the user said last, without what the client added and without placeholders of images. */
export function contextOf({ messages }: CanonicalRequest): string {
  for (const message of messages.toReversed() as readonly (Message | null)[]) {
    if (message?.role !== 'user') continue
    const { content } = message
    const said = typeof content === 'string' ? content : textOf(listOf(content))
    if (said.trim() !== '') return said.slice(0, CONTEXT_LENGTH)
  }
  return ''
}

function textOf(content: readonly ContentBlock[]): string {
  return content
    .map((block: ContentBlock | null): unknown => (block?.type === 'text' ? (block as TextBlock).text : undefined))
    .filter((text) => typeof text === 'string' && !text.startsWith('<system-reminder>'))
    .join('\n')
    .trim()
}
