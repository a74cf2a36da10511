import { describe, expect, it } from 'vitest'
import { chatUrl, modelUrl, placeOf, WAYS } from './place.ts'

const claude = WAYS['anthropic']!
const gemini = WAYS['gemini']!
const openai = WAYS['openai']!
const GOOGLE = 'https://aiplatform.googleapis.com'

describe('rule 151: the host is that of the location', () => {
  it.each([
    ['global', GOOGLE],
    ['us', 'https://aiplatform.us.rep.googleapis.com'],
    ['eu', 'https://aiplatform.eu.rep.googleapis.com'],
    ['us-east5', 'https://us-east5-aiplatform.googleapis.com'],
    ['europe-west1', 'https://europe-west1-aiplatform.googleapis.com'],
  ])('%s', (location, host) => {
    for (const base of [GOOGLE, `${GOOGLE}/`, 'https://us-central1-aiplatform.googleapis.com/v1', host]) {
      const place = placeOf(base, claude, { location, project: 'p' }, {})
      expect(modelUrl(place, 'p', claude, 'claude-opus-4-6', false)).toBe(
        `${host}/v1/projects/p/locations/${location}/publishers/anthropic/models/claude-opus-4-6:rawPredict`,
      )
    }
  })

  it('also where the URL names it, and that of the same location is kept', () => {
    expect(placeOf('https://aiplatform.eu.rep.googleapis.com', claude, {}, {})).toMatchObject({ location: 'eu' })
    const own = 'https://aiplatform.us-central1.rep.googleapis.com'
    expect(placeOf(own, gemini, {}, {})).toMatchObject({ root: `${own}/v1beta1`, location: 'us-central1' })
  })
})

describe('project and location', () => {
  const env = { GOOGLE_CLOUD_PROJECT: 'of-env', GOOGLE_CLOUD_LOCATION: 'europe-west4' }
  const full = `${GOOGLE}/v1/projects/of-url/locations/us-south1/publishers/anthropic/models`

  it.each([
    ['what is chosen', full, { project: 'mine', location: 'us' }, env, 'mine', 'us'],
    ['what the path says', full, {}, env, 'of-url', 'us-south1'],
    ['what the host says', 'https://us-east1-aiplatform.googleapis.com', {}, env, 'of-env', 'us-east1'],
    ['what the environment says', GOOGLE, {}, env, 'of-env', 'europe-west4'],
    ['the host without a location', GOOGLE, {}, { GOOGLE_CLOUD_LOCATION: '' }, undefined, 'global'],
    ['the default', 'https://proxy.example', {}, {}, undefined, 'us-east5'],
  ])('%s', (_, base, chosen, variables, project, location) => {
    expect(placeOf(base, claude, chosen, variables)).toMatchObject({ project, location })
  })

  it('of Gemini default to another region', () => {
    expect(placeOf('https://proxy.example', gemini, {}, {})).toMatchObject({ location: 'us-central1' })
  })

  it.each([
    [{ GOOGLE_CLOUD_LOCATION: 'evil.example/' }, 'GOOGLE_CLOUD_LOCATION'],
    [{ GOOGLE_CLOUD_LOCATION: 'a@evil.example#' }, 'GOOGLE_CLOUD_LOCATION'],
    [{ GOOGLE_CLOUD_PROJECT: '../..' }, 'GOOGLE_CLOUD_PROJECT'],
  ])('that could lead to another host or path are refused: %j', (variables, named) => {
    const code = 'CCR_UPSTREAM_ACCESS'
    const message = expect.stringContaining(named) as string
    expect(() => placeOf(GOOGLE, claude, {}, variables)).toThrowError(expect.objectContaining({ code, message }))
  })
})

describe('an origin that is not that of Vertex AI', () => {
  it.each([
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/v1beta1'],
    ['http://127.0.0.1:8080/v1beta1/', 'http://127.0.0.1:8080/v1beta1'],
    ['https://gateway.example/a/b/google-vertex-ai', 'https://gateway.example/a/b/google-vertex-ai/v1beta1'],
    ['https://gateway.example/vertex/v1', 'https://gateway.example/vertex/v1'],
    ['https://aiplatform-mine.p.googleapis.com', 'https://aiplatform-mine.p.googleapis.com/v1beta1'],
    ['https://us-aiplatform.googleapis.com.evil.example', 'https://us-aiplatform.googleapis.com.evil.example/v1beta1'],
  ])('is kept, with what its path begins with: %s', (base, root) => {
    expect(placeOf(base, gemini, {}, {}).root).toBe(root)
  })

  it('keeps its query', () => {
    const place = placeOf('https://gateway.example?tag=a', gemini, {}, {})
    const url = 'https://gateway.example/v1beta1/projects/p/locations/us-central1/publishers/google/models/m'
    expect(modelUrl(place, 'p', gemini, 'm', true)).toBe(`${url}:streamGenerateContent?alt=sse&tag=a`)
    expect(modelUrl(place, 'p', gemini, 'm', false)).toBe(`${url}:generateContent?tag=a`)
  })
})

describe('the URL of a model', () => {
  const place = placeOf(GOOGLE, gemini, { location: 'us-central1' }, {})
  const folder = 'https://us-central1-aiplatform.googleapis.com/v1beta1/projects/p/locations/us-central1'

  it.each([
    ['gemini-2.5-pro', 'publishers/google/models/gemini-2.5-pro'],
    ['models/gemini-2.5-pro', 'publishers/google/models/gemini-2.5-pro'],
    ['google/gemini-2.5-pro', 'publishers/google/models/gemini-2.5-pro'],
    ['publishers/google/models/gemini-2.5-pro', 'publishers/google/models/gemini-2.5-pro'],
    ['endpoints/123', 'endpoints/123'],
    ['a@1', 'publishers/google/models/a@1'],
    ['a:b?c#d', 'publishers/google/models/a%3Ab%3Fc%23d'],
  ])('rule 136: %s', (model, path) => {
    expect(modelUrl(place, 'p', gemini, model, true)).toBe(`${folder}/${path}:streamGenerateContent?alt=sse`)
  })

  it.each(['..', 'a/../b', 'a//b', '/a', '\ud800'])('is none for %j', (model) => {
    expect(() => modelUrl(place, 'p', gemini, model, true)).toThrowError(
      expect.objectContaining({ code: 'CCR_REQUEST_INVALID' }),
    )
  })
})

describe('the URL of Chat Completions', () => {
  const own = 'https://1.us-central1-2.prediction.vertexai.goog'
  const root = 'https://us-central1-aiplatform.googleapis.com'

  it.each([
    [root, `${root}/v1beta1/projects/p/locations/us-central1/endpoints/openapi/chat/completions`],
    [
      `${root}/v1/projects/p/locations/us-central1/endpoints/openapi/chat/completions`,
      `${root}/v1/projects/p/locations/us-central1/endpoints/openapi/chat/completions`,
    ],
    [
      `${own}/v1/projects/p/locations/us-central1/endpoints/1`,
      `${own}/v1/projects/p/locations/us-central1/endpoints/1/chat/completions`,
    ],
  ])('%s', (base, url) => {
    const place = placeOf(base, openai, {}, {})
    expect(chatUrl(place, 'p')).toBe(url)
  })
})
