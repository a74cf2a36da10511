import { CcrError, type HeaderBag, type Provider } from '@ccr/sdk'
import { findModel, modelEntries, MOST, placeOf, type ModelEntry } from './models.ts'

/** One model, as clients of the Gemini API read it. Source: https://ai.google.dev/api/models */
export interface GoogleModel {
  /** `models/` and the id of the model, which a request may name too. */
  readonly name: string
  readonly displayName: string
  readonly description: string
  readonly supportedGenerationMethods: readonly string[]
}

/** A page of models; there is a token where more follow. */
export interface GoogleList {
  readonly models: readonly GoogleModel[]
  readonly nextPageToken?: string
}

/** Whether a client of the Gemini API asks, at an address that it shares with others. */
export function isGoogle(headers: HeaderBag): boolean {
  return headers['x-goog-api-client'] !== undefined || headers['x-goog-api-key'] !== undefined
}

/**
 * One page: `pageSize` and `pageToken` as the query says. Without a size it is all there is.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` for a size that is none, or a token of no page
 */
export function listGoogle(providers: readonly Provider[], query: URLSearchParams): GoogleList {
  const all = modelEntries(providers)
  const first = (placeOf(all, query, 'pageToken') ?? -1) + 1
  const data = all.slice(first, first + sizeOf(query.get('pageSize')))
  const last = data.at(-1)
  const isMore = last !== undefined && first + data.length < all.length
  return { models: data.map(toGoogle), ...(isMore && { nextPageToken: last.id }) }
}

/**
 * The model of this id, which follows `models/` in its name.
 *
 * @throws CcrError `CCR_ROUTE_NONE` when there is none
 */
export function findGoogle(providers: readonly Provider[], id: string): GoogleModel {
  return toGoogle(findModel(providers, id))
}

function toGoogle({ id, display_name, description }: ModelEntry): GoogleModel {
  return {
    name: `models/${id}`,
    displayName: display_name,
    description,
    supportedGenerationMethods: ['generateContent', 'streamGenerateContent', 'countTokens'],
  }
}

/** The API leaves the size to itself where it is 0, and takes what is too much for the most that it gives. */
function sizeOf(text: string | null): number {
  if (text === null || text === '') return Infinity
  if (!/^\d{1,10}$/.test(text)) throw new CcrError('CCR_REQUEST_INVALID', 'pageSize must be a whole number from 0')
  return Number(text) === 0 ? Infinity : Math.min(Number(text), MOST)
}
