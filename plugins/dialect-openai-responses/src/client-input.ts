import { type ContentBlock, invalidRequest, type Message, parseObject, readReasoning, type TextBlock } from '@ccr/sdk'
import { toBlocks } from './client-content.ts'
import type { KeptItems } from './kept-items.ts'
import { itemBlock, withPhase } from './original.ts'
import { namespacedName } from './own-tools.ts'
import { joinParts, signItems, toReplay, unwrapSignature } from './reasoning.ts'
import { fieldsOf, textOf, type Fields } from './wire.ts'

/** System prompt and messages of a request. */
export interface Conversation {
  readonly system: readonly TextBlock[]
  readonly messages: readonly Message[]
}

/**
 * The items of a request as messages. What the developer says before anybody spoke belongs to the system prompt, later
 * it stays in its place. Results stand directly behind the turn that made the calls, as every target wants them.
 */
export function toMessages(instructions: unknown, input: unknown, items: KeptItems): Conversation {
  const reader = new InputReader(items)
  if (typeof instructions === 'string' && instructions !== '') reader.system.push({ type: 'text', text: instructions })
  if (typeof input === 'string') reader.user(toBlocks(input, '/input'))
  else (input as readonly unknown[]).forEach((item, index) => reader.item(fieldsOf(item), `/input/${index}`))
  return { system: reader.system, messages: reader.messages.map(({ role, blocks }) => ({ role, content: blocks })) }
}

interface Turn {
  readonly role: Message['role']
  readonly blocks: ContentBlock[]
}

/** Items that the user's side sends although they are no messages. */
const FROM_USER = /_output$|^mcp_approval_response$|^compaction_trigger$|^additional_tools$/

class InputReader {
  readonly system: TextBlock[] = []
  readonly messages: Turn[] = []
  readonly #items: KeptItems
  readonly #referred = new Set<string>()

  constructor(items: KeptItems) {
    this.#items = items
  }

  item(item: Fields, at: string): void {
    const type = item['type'] ?? (item['role'] === undefined ? undefined : 'message')
    switch (type) {
      case 'message':
        return this.#message(item, at)
      case 'reasoning':
        return this.#assistant(reasoningBlock(item))
      case 'function_call':
      case 'custom_tool_call':
        return this.#call(item, at)
      case 'function_call_output':
      case 'custom_tool_call_output':
        return this.#result(item, at)
      case 'item_reference':
        return this.#reference(item, at)
      default:
    }
    if (typeof type !== 'string') throw invalidRequest(`${at}/type`, 'must be a string')
    if (FROM_USER.test(type)) this.user([itemBlock(item)])
    else this.#assistant(itemBlock(item))
  }

  user(blocks: readonly ContentBlock[]): void {
    if (blocks.length > 0) this.#turn('user').blocks.push(...blocks)
  }

  /** An item is said once: a request that repeats its id would become larger than any that may come. */
  #reference(reference: Fields, at: string): void {
    const id = textOf(reference['id'])
    if (this.#referred.has(id)) return
    const kept = this.#items.find(id)
    if (!kept)
      throw invalidRequest(at, 'refers to an item that is kept no longer; send the item itself, as with store: false')
    this.#referred.add(id)
    this.item(kept, at)
  }

  #message(item: Fields, at: string): void {
    const { role, content, phase } = item
    const blocks = toBlocks(content, `${at}/content`)
    switch (role) {
      case 'user':
        return this.user(blocks)
      case 'assistant':
        for (const block of blocks) this.#assistant(withPhase(block, phase))
        return
      case 'system':
      case 'developer': {
        const texts = blocks.filter((block): block is TextBlock => block.type === 'text')
        if (this.messages.length === 0) this.system.push(...texts)
        else if (texts.length > 0) this.#turn('system').blocks.push(...texts)
        return
      }
      default:
        throw invalidRequest(`${at}/role`, 'must be user, assistant, system or developer')
    }
  }

  #assistant(block: ContentBlock): void {
    this.#turn('assistant').blocks.push(block)
  }

  #call(item: Fields, at: string): void {
    const { call_id, name, namespace } = item
    if (typeof call_id !== 'string') throw invalidRequest(`${at}/call_id`, 'must be a string')
    if (typeof name !== 'string') throw invalidRequest(`${at}/name`, 'must be a string')
    const custom = item['type'] === 'custom_tool_call'
    if (typeof item[custom ? 'input' : 'arguments'] !== 'string')
      throw invalidRequest(`${at}/${custom ? 'input' : 'arguments'}`, 'must be a string')
    this.#assistant({
      type: 'tool_use',
      id: call_id,
      name: typeof namespace === 'string' ? namespacedName(namespace, name) : name,
      input: custom ? { input: item['input'] } : toInput(textOf(item['arguments'])),
    })
  }

  /** A result goes to the others of its turn, before what the user says, whatever stands between. */
  #result(item: Fields, at: string): void {
    const { call_id, output } = item
    if (typeof call_id !== 'string') throw invalidRequest(`${at}/call_id`, 'must be a string')
    const blocks = toBlocks(output, `${at}/output`)
    const content = typeof output === 'string' ? output : blocks.length === 0 ? '' : blocks
    const made = this.messages.findLastIndex(({ role }) => role === 'assistant')
    let turn = this.messages[made + 1]
    if (turn?.role !== 'user') this.messages.splice(made + 1, 0, (turn = { role: 'user', blocks: [] }))
    const others = turn.blocks.findLastIndex(({ type }) => type === 'tool_result')
    turn.blocks.splice(others + 1, 0, { type: 'tool_result', tool_use_id: call_id, content })
  }

  #turn(role: Turn['role']): Turn {
    const last = this.messages.at(-1)
    if (last?.role === role) return last
    const turn: Turn = { role, blocks: [] }
    this.messages.push(turn)
    return turn
  }
}

/** Arguments that are no object are kept as text, so that the history says what happened. */
function toInput(text: string): unknown {
  return parseObject(text) ?? (text === '' ? {} : { arguments: text })
}

/** A reasoning item as the thinking it was made of; one from elsewhere is marked, so that only its maker gets it. */
function reasoningBlock(item: Fields): ContentBlock {
  const encrypted = textOf(item['encrypted_content'])
  const redacted = readReasoning(encrypted)?.family === 'redacted' ? unwrapSignature(encrypted) : undefined
  if (redacted !== undefined) return { type: 'redacted_thinking', data: redacted }
  const own = unwrapSignature(encrypted)
  const replay = toReplay(item)
  return {
    type: 'thinking',
    thinking: joinParts(item['summary']) || joinParts(item['content']),
    signature: own ?? signItems(undefined, replay ? [replay] : []),
  }
}
