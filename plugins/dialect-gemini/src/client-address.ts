import { CcrError } from '@ccr/sdk'

/** What a URL of this API asks for. */
export interface Asked {
  readonly model: string
  readonly action: string
  /** A stream comes as server-sent events, not as one JSON array. */
  readonly asEvents: boolean
}

/**
 * Reads `…/models/{model}:{action}?alt=…`. A model may hold slashes, commas and colons.
 *
 * @throws CcrError `CCR_ROUTE_NONE` for a URL without model or action
 */
export function readUrl(url: string): Asked {
  const cut = url.indexOf('?')
  const path = cut < 0 ? url : url.slice(0, cut)
  const query = new URLSearchParams(cut < 0 ? '' : url.slice(cut))
  const found = /\/models\/(.+):(\w+)$/.exec(path)
  const model = found ? decoded(found[1]!) : ''
  if (!found || model === '' || /\p{Cc}/u.test(model))
    throw new CcrError(
      'CCR_ROUTE_NONE',
      'the path names no model and action, as in /v1beta/models/{model}:generateContent',
    )
  return { model: model.replace(/^models\//, ''), action: found[2]!, asEvents: query.get('alt') === 'sse' }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new CcrError('CCR_ROUTE_NONE', 'the path holds an escape that is none')
  }
}
