import { appOf, CcrError, estimateInput, invalidRequest, readJson } from '@ccr/sdk'
import type { ClientDialect, Endpoint, EndpointReply, EndpointRequest } from '@ccr/sdk'
import { createEncoder, toAnswer } from './client-answer.ts'
import { readUrl } from './client-address.ts'
import { field } from './client-contents.ts'
import { readRequest } from './client-request.ts'
import { toGoogleError } from './errors.ts'
import { isFields } from './wire.ts'

/** The client side of generateContent and streamGenerateContent. */
export const client: ClientDialect = {
  decode({ body, headers, url }) {
    const asked = readUrl(url)
    if (asked.action !== 'generateContent' && asked.action !== 'streamGenerateContent')
      throw new CcrError(
        'CCR_ROUTE_NONE',
        `there is no action '${asked.action}'; generateContent and streamGenerateContent are`,
      )
    const document = readJson(body)
    const contents = field(document.value, 'contents')
    if (Array.isArray(contents) && contents.length === 0) throw invalidRequest('/contents', 'must not be empty')
    return { request: readRequest(document, asked), client: { app: appOf(headers) } }
  },
  encoder: createEncoder,
  message: toAnswer,
  failure: toGoogleError,
}

/** Models may hold slashes, so what follows the folder of the models is read by {@link client} itself. */
const ROOTS = ['/v1beta/models', '/v1/models']

/** Most slashes in a model whose tokens are counted. */
const MAX_FOLDERS = 3

/** Where clients of this API ask. */
export const endpoints: readonly Endpoint[] = ROOTS.flatMap((root): Endpoint[] => {
  const counts = Array.from({ length: MAX_FOLDERS + 1 }, (_, folders): Endpoint => {
    const path = Array.from({ length: folders }, (_one, at) => `:folder${at}/`).join('')
    return { method: 'POST', path: `${root}/${path}:model(^.+)::countTokens`, access: 'data', respond: countTokens }
  })
  return [{ method: 'POST', path: `${root}/*`, dialect: 'gemini', client }, ...counts]
})

/**
 * Answers how many input tokens a request has. No provider is asked: the number is an estimate, and a header says so.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` for a body that is no request
 */
function countTokens({ body, url }: EndpointRequest): EndpointReply {
  const document = readJson(body)
  const inner = field(document.value, 'generateContentRequest')
  const value = isFields(inner) ? inner : document.value
  const request = readRequest({ ...document, value }, readUrl(url))
  return { status: 200, headers: { 'x-ccr-estimated': 'true' }, body: { totalTokens: estimateInput(request) } }
}
