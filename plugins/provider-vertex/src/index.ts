import { CcrError, definePlugin, type Attempt, type Outbound } from '@ccr/sdk'
import { createBetas } from './betas.ts'
import { GoogleLogin, type Grant } from './login.ts'
import { VertexOptions } from './options.ts'
import { chatUrl, checkProject, modelUrl, placeOf, WAYS, type Way } from './place.ts'

/** The body holds the version of the protocol as this server speaks it, and the URL the model. */
const CLAUDE_VERSION = { name: 'anthropic_version', value: 'vertex-2023-10-16' }
/** Longer than a login, and the search for its project, may take. */
const TIMEOUT_MS = 45_000

/** The grant with which an attempt was sent, and the targets that were asked once more with another one. */
interface Used {
  readonly attempt: Attempt
  readonly grant: Grant
  readonly renewed: readonly string[]
}

export default definePlugin({
  name: 'provider-vertex',
  apiVersion: 1,
  description: 'Asks Gemini, Claude and the others on Google Cloud Vertex AI, at its URLs and with a login at Google.',
  transformers: [
    { name: 'vertex-gemini', dialect: 'gemini' },
    { name: 'vertex-claude', dialect: 'anthropic' },
    { name: 'vertex-openai', dialect: 'openai' },
  ],
  options: VertexOptions,
  capabilities: ['network:*.googleapis.com'],
  activate(ctx) {
    const { options, log } = ctx
    const login = new GoogleLogin(options, (url, init) => ctx.http.fetch(url, init))
    const betas = createBetas()
    const used = Symbol('used')

    ctx.on('transformRequest', (outbound) => ({ ...outbound, modelField: CLAUDE_VERSION }), {
      stage: 'wire',
      dialect: 'anthropic',
    })

    const urlOf = async ({ baseUrl, model, stream }: Outbound, dialect: string, way: Way): Promise<string> => {
      const isChat = dialect === 'openai'
      if (isChat && baseUrl.endsWith('#')) return baseUrl.slice(0, -1)
      const place = placeOf(baseUrl, way, options, process.env)
      const project = place.project ?? (options.auth === 'google' ? await login.project() : undefined)
      if (project === undefined) throw unknownProject()
      checkProject(project)
      return isChat ? chatUrl(place, project) : modelUrl(place, project, way, model, stream)
    }

    const addressed = async (outbound: Outbound, attempt: Attempt): Promise<Outbound | undefined> => {
      const { dialect } = attempt.provider
      const way = WAYS[dialect]
      if (way === undefined) return
      const url = await urlOf(outbound, dialect, way)
      const { headers: given } = outbound
      const headers = dialect === 'anthropic' ? betas.fit(given, attempt) : given
      if (options.auth === 'api_key') return { ...outbound, url, headers }
      const grant = await login.grant()
      const { locals } = attempt.exchange
      const { renewed = [] } = (locals[used] as Used | undefined) ?? {}
      locals[used] = { attempt, grant, renewed } satisfies Used
      const { secret, quotaProject } = grant
      const paid = quotaProject === undefined ? headers : { ...headers, 'x-goog-user-project': quotaProject }
      return { ...outbound, url, headers: paid, auth: { scheme: 'bearer', secret } }
    }
    ctx.on('transformRequest', addressed, { stage: 'send', timeoutMs: TIMEOUT_MS })

    ctx.on(
      'onError',
      (failure, attempt) => {
        const { target, exchange } = attempt
        const refused = attempt.provider.dialect === 'anthropic' ? betas.learn(failure, attempt) : []
        if (refused.length > 0) {
          log.info({ ...target, refused }, 'the target refuses features of the protocol; they are not asked for again')
          return { action: 'retry', afterMs: 0 }
        }
        const sent = exchange.locals[used] as Used | undefined
        if (sent?.attempt !== attempt || failure.kind !== 'status' || failure.status !== 401) return
        const key = `${target.provider}\n${target.model}`
        if (sent.renewed.includes(key)) return
        login.forget(sent.grant)
        exchange.locals[used] = { ...sent, renewed: [...sent.renewed, key] } satisfies Used
        return { action: 'retry', afterMs: 0 }
      },
      // It would go on to another target at once.
      { before: ['resilience-fallback'] },
    )
  },
})

function unknownProject(): CcrError {
  const fact = 'no Google Cloud project is known'
  return new CcrError('CCR_UPSTREAM_ACCESS', `${fact}; give the option project, or set GOOGLE_CLOUD_PROJECT`)
}
