import {
  estimateInput,
  namedTarget,
  type CanonicalRequest,
  type Endpoint,
  type EndpointReply,
  type EndpointRequest,
  type Target,
  type TokenService,
} from '@ccr/sdk'
import { readCounted } from './client.ts'

/** How long a client is kept waiting for an exact count before it gets an estimate. */
const LONGEST_COUNT_MS = 10_000

/** Answers how many input tokens a request has: counted in the process, unless the model's tokenizer is an API. */
export function countTokens(tokens: TokenService | undefined): Endpoint {
  return {
    method: 'POST',
    path: '/v1/messages/count_tokens',
    access: 'data',
    respond: (request) => respond(request, tokens),
  }
}

/** @throws CcrError `CCR_REQUEST_INVALID` for a body that is no request */
async function respond({ body, providers }: EndpointRequest, tokens: TokenService | undefined): Promise<EndpointReply> {
  const request = readCounted(body)
  // A model that is named as `provider,model`, or by its id in the router's own list, says whose tokenizer counts.
  const target = namedTarget(request.model, providers)
  const counted = tokens ? await count(request, target, tokens) : estimateInput(request)
  return { status: 200, body: { input_tokens: Math.max(1, counted) } }
}

async function count(request: CanonicalRequest, target: Target | undefined, tokens: TokenService): Promise<number> {
  try {
    return await tokens.count(request, target, AbortSignal.timeout(LONGEST_COUNT_MS))
  } catch {
    // A client that gets no number asks a model instead, which costs more than the estimate is off.
    return tokens.bounds(request, target).estimate
  }
}
