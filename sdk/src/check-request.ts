import type { CanonicalRequest } from './canonical.ts'
import { CcrError } from './errors.ts'
import { isObject } from './is-object.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * Checks what the encoder of a foreign target reads, so that a malformed request is the client's fault and not the
 * router's.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the place by JSON pointer, `CCR_REQUEST_THREAD` for a request whose
 * earlier turns stand elsewhere
 */
export function checkRequest(request: CanonicalRequest): void {
  each(request.messages, '/messages', (message, at) => {
    if (!['user', 'assistant', 'system'].includes(message['role'] as string))
      throw invalidRequest(`${at}/role`, 'must be user, assistant or system')
    checkContent(message['content'], `${at}/content`)
  })
  if (present(request.system)) checkContent(request.system, '/system')
  if (present(request.tools))
    each(request.tools, '/tools', (tool, at) => {
      checkString(tool['name'], `${at}/name`)
      if (present(tool['type'])) checkString(tool['type'], `${at}/type`)
      if (present(tool['input_schema'])) checkFields(tool['input_schema'], `${at}/input_schema`)
    })
  for (const field of ['tool_choice', 'thinking', 'output_config'] as const)
    if (present(request[field])) checkFields(request[field], `/${field}`)
  if (request.tool_choice?.type === 'tool') checkString(request.tool_choice.name, '/tool_choice/name')
  if ((request['thread'] as Fields | null | undefined)?.['type'] === 'continue') throw threadNotFound()
}

/**
 * The turns before it stand on another server: without them the model would answer out of context. For this code the
 * clients send the whole history. Source: the message threads of `@anthropic-ai/sdk` 1.12 (`ThreadState`)
 */
function threadNotFound(): CcrError {
  const fact = 'names a thread that this target does not keep; send the whole history, with the type "create"'
  const details = { error_code: 'thread_not_found' }
  return new CcrError('CCR_REQUEST_THREAD', `the request cannot be continued: /thread ${fact}`, { details })
}

/** An error that says what is wrong with the body of a request, and where. */
export function invalidRequest(at: string, fact: string): CcrError {
  return new CcrError('CCR_REQUEST_INVALID', `the request body is not valid: ${at} ${fact}`)
}

function checkContent(content: unknown, at: string): void {
  if (typeof content !== 'string') each(content, at, checkBlock)
}

function checkBlock(block: Fields, at: string): void {
  const { type, source, content } = block
  checkString(type, `${at}/type`)
  for (const field of STRINGS.get(type as string) ?? []) checkString(block[field], `${at}/${field}`)
  if (type === 'tool_result' && present(content)) checkContent(content, `${at}/content`)
  if (type !== 'image' && type !== 'document') return
  checkFields(source, `${at}/source`)
  const inner = source as Fields
  checkString(inner['type'], `${at}/source/type`)
  if (type === 'image' && inner['type'] === 'url') checkString(inner['url'], `${at}/source/url`)
  if (type === 'image' && inner['type'] === 'base64')
    for (const field of ['media_type', 'data']) checkString(inner[field], `${at}/source/${field}`)
  if (inner['type'] === 'content' && present(inner['content'])) checkContent(inner['content'], `${at}/source/content`)
}

/** The fields of a block that must be strings. */
const STRINGS: ReadonlyMap<string, readonly string[]> = new Map([
  ['text', ['text']],
  ['thinking', ['thinking']],
  ['tool_use', ['id', 'name']],
  ['tool_result', ['tool_use_id']],
])

function each(list: unknown, at: string, check: (fields: Fields, at: string) => void): void {
  if (!Array.isArray(list)) throw invalidRequest(at, 'must be an array')
  list.forEach((fields: unknown, index) => {
    checkFields(fields, `${at}/${index}`)
    check(fields as Fields, `${at}/${index}`)
  })
}

function present(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** @throws CcrError `CCR_REQUEST_INVALID` unless the value at this JSON pointer is a string */
export function checkString(value: unknown, at: string): void {
  if (typeof value !== 'string') throw invalidRequest(at, 'must be a string')
}

/** @throws CcrError `CCR_REQUEST_INVALID` unless the value at this JSON pointer is an object */
export function checkFields(value: unknown, at: string): void {
  if (!isObject(value)) throw invalidRequest(at, 'must be an object')
}
