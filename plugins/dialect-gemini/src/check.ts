import { CcrError, type CanonicalRequest } from '@ccr/sdk'
import type { Fields } from './wire.ts'

/**
 * Checks what the encoder reads, so that a malformed request is the client's fault and not the router's.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` naming the place by JSON pointer
 */
export function checkRequest(request: CanonicalRequest): void {
  each(request.messages, '/messages', (message, at) => {
    if (!['user', 'assistant', 'system'].includes(message['role'] as string))
      throw invalid(`${at}/role`, 'must be user, assistant or system')
    checkContent(message['content'], `${at}/content`)
  })
  if (present(request.system)) checkContent(request.system, '/system')
  if (present(request.tools)) each(request.tools, '/tools', checkTool)
  for (const field of ['tool_choice', 'thinking', 'output_config'] as const)
    if (present(request[field])) checkFields(request[field], `/${field}`)
  if (request.tool_choice?.type === 'tool') checkString(request.tool_choice.name, '/tool_choice/name')
}

/** An error that says what is wrong with the body of a request, and where. */
export function invalid(at: string, fact: string): CcrError {
  return new CcrError('CCR_REQUEST_INVALID', `the request body is not valid: ${at} ${fact}`)
}

function checkTool({ name, type }: Fields, at: string): void {
  checkString(name, `${at}/name`)
  if (present(type)) checkString(type, `${at}/type`)
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
  if (type === 'image' && inner['type'] === 'base64') checkString(inner['data'], `${at}/source/data`)
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
  if (!Array.isArray(list)) throw invalid(at, 'must be an array')
  list.forEach((fields: unknown, index) => {
    checkFields(fields, `${at}/${index}`)
    check(fields as Fields, `${at}/${index}`)
  })
}

function present(value: unknown): boolean {
  return value !== undefined && value !== null
}

function checkString(value: unknown, at: string): void {
  if (typeof value !== 'string') throw invalid(at, 'must be a string')
}

function checkFields(value: unknown, at: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, 'must be an object')
}
