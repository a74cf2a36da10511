import { CcrError, endpointRoot } from '@ccr/sdk'

/** How one protocol is spoken at Vertex AI. */
export interface Way {
  /** Of the API; a URL may name another one. */
  readonly version: string
  /** Where nothing says where. */
  readonly location: string
  /** Whose models a plain name means. */
  readonly publisher: string
  /** What is asked of a model for a whole answer, and for a stream. */
  readonly verbs: readonly [string, string]
}

/**
 * The three ways, by dialect. Sources: https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai,
 * https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest-rpc,
 * https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations.endpoints.chat/completions
 */
export const WAYS: Readonly<Record<string, Way>> = {
  anthropic: {
    version: 'v1',
    location: 'us-east5',
    publisher: 'anthropic',
    verbs: ['rawPredict', 'streamRawPredict'],
  },
  gemini: {
    version: 'v1beta1',
    location: 'us-central1',
    publisher: 'google',
    // Without `alt=sse` a stream is one JSON list.
    verbs: ['generateContent', 'streamGenerateContent?alt=sse'],
  },
  openai: { version: 'v1beta1', location: 'us-central1', publisher: 'google', verbs: ['', ''] },
}

/** Where requests to a provider go. */
export interface Place {
  /** Origin, what stands before the version, and the version. */
  readonly root: string
  readonly project: string | undefined
  readonly location: string
  /** Of Chat Completions. */
  readonly endpoint: string
  readonly query: string
}

interface Chosen {
  readonly project?: string | undefined
  readonly location?: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** The hosts of Vertex AI: those of a region, that of the location `global`, those of a jurisdiction. */
const GOOGLE = /^(?:([a-z0-9-]+)-aiplatform|aiplatform(?:\.([a-z0-9-]+)\.rep)?)\.googleapis\.com$/
/** What a path says: what stands before it, version, project, location, endpoint; what follows is written anew. */
const PATH = new RegExp(
  /^(.*?)(?:\/(v\d+[a-z0-9]*))?(?:\/projects\/([^/]+))?(?:\/locations\/([^/]+))?/.source +
    /(?:\/endpoints\/([^/:]+))?(?:\/(?:publishers|models)(?:\/.*)?)?$/.source,
)
const PROJECT = /^[a-z0-9][a-z0-9.:-]*$/i
const LOCATION = /^[a-z0-9-]+$/

/**
 * Where requests go, by what is chosen, what the URL says, and what the environment does, in this order. A host of
 * Vertex AI is that of the location; any other origin, such as that of a proxy, is kept with its path.
 *
 * @throws CcrError `CCR_UPSTREAM_ACCESS` for what is no name of a project or location
 */
export function placeOf(baseUrl: string, way: Way, chosen: Chosen, env: Environment): Place {
  const { hostname, origin, search } = new URL(baseUrl)
  const path = new URL(endpointRoot(baseUrl)).pathname.replace(/\/+$/, '')
  const [, before = '', version = way.version, ofProject, ofLocation, endpoint = 'openapi'] = PATH.exec(path) ?? []
  const google = GOOGLE.exec(hostname)
  const ofHost = google ? (google[1] ?? google[2]) : undefined
  const last = google ? 'global' : way.location
  const location = chosen.location ?? ofLocation ?? ofHost ?? (env['GOOGLE_CLOUD_LOCATION'] || last)
  const project = chosen.project ?? ofProject ?? (env['GOOGLE_CLOUD_PROJECT'] || undefined)
  if (!LOCATION.test(location)) throw unnamed('location', location, 'GOOGLE_CLOUD_LOCATION')
  if (project !== undefined) checkProject(project)
  const host = !google ? origin : `https://${ofHost === location ? hostname : hostOf(location)}`
  return { root: `${host}${before}/${version}`, project, location, endpoint, query: search }
}

/** @throws CcrError `CCR_UPSTREAM_ACCESS` for what is no name of a project, and could lead to another path */
export function checkProject(name: string): void {
  if (!isProject(name)) throw unnamed('project', name, 'GOOGLE_CLOUD_PROJECT')
}

/** Whether a text can be the name of a project. */
export function isProject(name: string): boolean {
  return PROJECT.test(name)
}

function unnamed(what: string, name: string, variable: string): CcrError {
  const fact = `'${name}' is no name of a Google Cloud ${what}`
  return new CcrError('CCR_UPSTREAM_ACCESS', `${fact}; correct it in the option, api_base_url or ${variable}`)
}

/** Source: https://github.com/anthropics/anthropic-sdk-typescript/blob/main/packages/vertex-sdk/src/client.ts */
function hostOf(location: string): string {
  if (location === 'global') return 'aiplatform.googleapis.com'
  if (location === 'us' || location === 'eu') return `aiplatform.${location}.rep.googleapis.com`
  return `${location}-aiplatform.googleapis.com`
}

/**
 * The URL at which a model is asked.
 *
 * @throws CcrError `CCR_REQUEST_INVALID` for a name that would lead elsewhere
 */
export function modelUrl(place: Place, project: string, way: Way, model: string, stream: boolean): string {
  const { root, location, query } = place
  const verb = way.verbs[stream ? 1 : 0]
  const url = `${root}/projects/${project}/locations/${location}/${resourceOf(model, way)}:${verb}`
  return url.includes('?') ? url + query.replace('?', '&') : url + query
}

/** The URL of Chat Completions, whose body names the model. */
export function chatUrl({ root, location, endpoint, query }: Place, project: string): string {
  return `${root}/projects/${project}/locations/${location}/endpoints/${endpoint}/chat/completions${query}`
}

/** A plain name, one behind that of its publisher, or a resource below the location. */
function resourceOf(model: string, { publisher }: Way): string {
  const steps = model.replace(/^models\//, '').split('/')
  if (steps.some((step) => /^\.{0,2}$/.test(step)) || /\p{Surrogate}/u.test(model))
    throw new CcrError('CCR_REQUEST_INVALID', `model: '${model}' is no name of a model`)
  // A version stands behind an `@`, which a path may hold.
  const [first = '', ...rest] = steps.map((step) => encodeURIComponent(step).replaceAll('%40', '@'))
  if (rest.length === 0) return `publishers/${publisher}/models/${first}`
  return rest.length === 1 && first !== 'endpoints'
    ? `publishers/${first}/models/${rest[0]}`
    : [first, ...rest].join('/')
}
