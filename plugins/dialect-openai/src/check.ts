import { CcrError, type CanonicalRequest } from '@ccr/sdk'

type Fields = Readonly<Record<string, unknown>>

/**
 * Checks what the encoder reads, so that a malformed request is the client's fault and not the router's.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the place by JSON pointer
 */
export function checkRequest(request: CanonicalRequest): void {
  each(request.messages, '/messages', (message, at) => {
    if (message['role'] !== 'user' && message['role'] !== 'assistant' && message['role'] !== 'system') {
      throw invalid(`${at}/role`, 'user, assistant or system')
    }
    checkContent(message['content'], `${at}/content`)
  })
  if (present(request.system)) checkContent(request.system, '/system')
  if (present(request.tools)) each(request.tools, '/tools', (tool, at) => checkString(tool['name'], `${at}/name`))
  for (const field of ['tool_choice', 'thinking', 'output_config'] as const) {
    if (present(request[field])) checkFields(request[field], `/${field}`)
  }
  if (request.tool_choice?.type === 'tool') checkString(request.tool_choice.name, '/tool_choice/name')
  // The turns before it stand on another server: without them the model would answer out of context.
  if ((request['thread'] as Fields | null | undefined)?.['type'] === 'continue')
    throw invalid('/thread/type', '"create", with the whole history; this target keeps no threads (thread_not_found)')
}

function checkContent(content: unknown, at: string): void {
  if (typeof content !== 'string') each(content, at, checkBlock)
}

function checkBlock(block: Fields, at: string): void {
  switch (block['type']) {
    case 'text':
      return checkString(block['text'], `${at}/text`)
    case 'thinking':
      return checkString(block['thinking'], `${at}/thinking`)
    case 'tool_use':
      checkString(block['id'], `${at}/id`)
      return checkString(block['name'], `${at}/name`)
    case 'tool_result':
      checkString(block['tool_use_id'], `${at}/tool_use_id`)
      if (present(block['content'])) checkContent(block['content'], `${at}/content`)
      return
    case 'image':
    case 'document': {
      const source = block['source']
      checkFields(source, `${at}/source`)
      const { type, content } = source as Fields
      if (type === 'content' && present(content)) checkContent(content, `${at}/source/content`)
      return
    }
    default:
      checkString(block['type'], `${at}/type`)
  }
}

function each(list: unknown, at: string, check: (fields: Fields, at: string) => void): void {
  if (!Array.isArray(list)) throw invalid(at, 'an array')
  for (let index = 0; index < list.length; index++) {
    const fields: unknown = list[index]
    checkFields(fields, `${at}/${index}`)
    check(fields as Fields, `${at}/${index}`)
  }
}

function present(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** @throws CcrError `CCR_REQUEST_INVALID` unless the value at this JSON pointer is a string */
export function checkString(value: unknown, at: string): void {
  if (typeof value !== 'string') throw invalid(at, 'a string')
}

/** @throws CcrError `CCR_REQUEST_INVALID` unless the value at this JSON pointer is an object */
export function checkFields(value: unknown, at: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, 'an object')
}

/** Says what must stand at a JSON pointer of a request. */
export function invalid(at: string, what: string): CcrError {
  return new CcrError('CCR_REQUEST_INVALID', `the request body is not valid: ${at} must be ${what}`)
}
