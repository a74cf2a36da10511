import { CcrError, toListedId, type Provider } from '@ccr/sdk'

/**
 * One model, in a form that clients of two vendors read. Nobody tells when a model was made, so the times are zero.
 * Sources: https://docs.anthropic.com/en/api/models-list and https://platform.openai.com/docs/api-reference/models
 */
export interface ModelEntry {
  /** What a request may name as its model: `provider,model`. */
  readonly id: string
  readonly type: 'model'
  readonly object: 'model'
  readonly display_name: string
  /** Shown in lists of the first vendor's clients. */
  readonly description: string
  readonly created_at: string
  readonly created: number
  readonly owned_by: string
}

/** A page of models, in the form of both vendors' lists. */
export interface ModelList {
  readonly object: 'list'
  readonly data: readonly ModelEntry[]
  readonly first_id: string | null
  readonly last_id: string | null
  readonly has_more: boolean
}

/** Most models of a page that a client may ask for. */
export const MOST = 1000

/** How the ids of models are written: as requests name them, or so that Claude Code takes them into its own list. */
export type Ids = 'plain' | 'discovery'

/** Every model that the providers are known to have, in the order of the config; those inside the router are last. */
export function modelEntries(providers: readonly Provider[], ids: Ids = 'plain'): readonly ModelEntry[] {
  const ordered = [...providers.filter(({ local }) => !local), ...providers.filter(({ local }) => local)]
  return ordered.flatMap(({ name, models }) => models.map((model) => modelEntry(name, model, ids)))
}

/**
 * One page: `limit`, `after_id` and `before_id` as the query says. Without a limit it is all there is, because clients
 * of the other vendor never ask for a second page.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` for a limit that is none, or an id that is not in the list
 */
export function listModels(providers: readonly Provider[], query: URLSearchParams, ids: Ids = 'plain'): ModelList {
  const all = modelEntries(providers, ids)
  const limit = limitOf(query.get('limit'))
  const after = placeOf(all, query, 'after_id')
  const before = placeOf(all, query, 'before_id')
  const range = all.slice(after === undefined ? 0 : after + 1, before)
  // Backwards, the page is the end of the range: the one next to `before_id`.
  const data = before !== undefined && after === undefined ? range.slice(-limit) : range.slice(0, limit)
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: data.length < range.length,
  }
}

/**
 * The model of this id, however ids are written; case does not matter, as in routes.
 *
 * @throws CcrError `CCR_ROUTE_NONE` when there is none
 */
export function findModel(providers: readonly Provider[], id: string): ModelEntry {
  const all = [...modelEntries(providers), ...modelEntries(providers, 'discovery')]
  const found = all.find((one) => one.id === id) ?? all.find((one) => one.id.toLowerCase() === id.toLowerCase())
  if (found) return found
  throw new CcrError('CCR_ROUTE_NONE', `there is no model '${id.slice(0, 200)}'; GET /v1/models lists those there are`)
}

function modelEntry(provider: string, model: string, ids: Ids): ModelEntry {
  const id = `${provider},${model}`
  return {
    id: ids === 'plain' ? id : toListedId(id),
    type: 'model',
    object: 'model',
    display_name: `${model} (${provider})`,
    description: `Through ${provider}`,
    created_at: '1970-01-01T00:00:00Z',
    created: 0,
    owned_by: provider,
  }
}

function limitOf(text: string | null): number {
  if (text === null) return Infinity
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= MOST) return limit
  throw new CcrError('CCR_REQUEST_INVALID', `limit must be a whole number from 1 to ${MOST}`)
}

/**
 * The place of the model that a parameter of the query names; nothing where it names none.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` for an id that is not in the list
 */
export function placeOf(all: readonly ModelEntry[], query: URLSearchParams, name: string): number | undefined {
  const id = query.get(name)
  if (id === null || id === '') return undefined
  const place = all.findIndex((one) => one.id === id)
  if (place >= 0) return place
  throw new CcrError('CCR_REQUEST_INVALID', `${name} names no model of the list`)
}
