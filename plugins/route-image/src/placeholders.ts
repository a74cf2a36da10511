import type { CanonicalRequest, ContentBlock, ImageBlock, Message, TextBlock } from '@ccr/sdk'
import { isImage, isResultOfBlocks, listOf } from './images.ts'

/** A request in which numbered placeholders stand for images, and those images: the first one is number 1. */
export interface Blindfolded {
  readonly request: CanonicalRequest
  readonly images: readonly ImageBlock[]
}

const MARKER = /\[Image #(\d+)\]/g

/** What stands in the place of an image. */
export function placeholderText(number: number, tool: string): string {
  return `[Image #${number}] (you cannot see it; ask ${tool} what it shows)`
}

/**
 * Puts numbered placeholders in the place of every image of the user's messages, those in results of tools included.
 * Markers that the client itself wrote for its images are numbered anew, so that both speak of the same ones; a marker
 * whose image is unknown is removed.
 */
export function replaceImages(request: CanonicalRequest, tool: string): Blindfolded {
  const images: ImageBlock[] = []
  const numbers = new Map<string, number>()
  const placeholder = (image: ImageBlock): TextBlock => {
    const text = placeholderText(images.push(image), tool)
    return { type: 'text', text, ...(image.cache_control ? { cache_control: image.cache_control } : {}) }
  }
  const messages = request.messages.map((message): Message => {
    if ((message as Message | null)?.role !== 'user') return message
    const { content } = message
    if (typeof content === 'string') return { ...message, content: renumber(content, numbers) }
    if (!Array.isArray(content)) return message
    const blocks = listOf<ContentBlock>(content)
    learn(blocks, images.length, numbers)
    const replaced = blocks.map((block): ContentBlock => {
      if (isImage(block)) return placeholder(block)
      if (isText(block)) return { ...block, text: renumber(block.text, numbers) }
      if (!isResultOfBlocks(block)) return block
      return { ...block, content: block.content.map((part) => (isImage(part) ? placeholder(part) : part)) }
    })
    // A text block may not be empty, and one that was only a marker is.
    return { ...message, content: replaced.filter((block) => !isText(block) || block.text.trim() !== '') }
  })
  return { request: { ...request, messages }, images }
}

/** Learns which of the client's own markers mean which images, where a message has one for each. */
function learn(content: readonly ContentBlock[], before: number, numbers: Map<string, number>): void {
  const text = content.map((block) => (isText(block) ? block.text : '')).join('\n')
  const markers = [...new Set([...text.matchAll(MARKER)].map(([, digits]) => digits!))]
  const places: number[] = []
  let number = before
  for (const block of content) {
    if (isImage(block)) places.push(++number)
    else if (isResultOfBlocks(block)) number += block.content.filter(isImage).length
  }
  if (markers.length === places.length) markers.forEach((marker, index) => numbers.set(marker, places[index]!))
}

function renumber(text: string, numbers: ReadonlyMap<string, number>): string {
  return text.replace(MARKER, (_, digits: string) => {
    const number = numbers.get(digits)
    return number === undefined ? '' : `[Image #${number}]`
  })
}

function isText(block: ContentBlock | null): block is TextBlock {
  return block?.type === 'text' && typeof (block as TextBlock).text === 'string'
}
