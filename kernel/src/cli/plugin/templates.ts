/** What a new plugin begins as. */
export type PluginKind = 'plugin' | 'transformer' | 'router' | 'quota'

/** The code of a new plugin, and what its conformance is checked with. */
export interface PluginTemplate {
  readonly index: string
  readonly conformance: string
  /** What it does, for its README. */
  readonly does: string
}

/** A small plugin of each kind that works as it is. */
export const TEMPLATES: Readonly<Record<PluginKind, (name: string) => PluginTemplate>> = {
  plugin: (name) => ({
    does: 'Replaces a word in every answer.',
    index: `import { definePlugin, rewriteText, Type } from '@ccr/sdk'

export default definePlugin({
  name: '${name}',
  apiVersion: 1,
  description: 'Replaces a word in every answer.',
  options: Type.Object(
    {
      word: Type.String({ default: 'router', minLength: 1, description: 'What is replaced.' }),
      by: Type.String({ default: 'ROUTER', description: 'What takes its place.' }),
    },
    { additionalProperties: false },
  ),
  activate(ctx) {
    const { word, by } = ctx.options
    ctx.on('transformStream', (stream) => stream.pipe('canonical', rewriteText(word, by)))
  },
})
`,
    conformance: cases(`{
  valid: [{}, { word: 'hello', by: 'goodbye' }],
  invalid: [{ options: { word: '' }, pointer: '/word' }],
}`),
  }),

  transformer: (name) => ({
    does: 'Bounds the temperature of requests to providers that speak Chat Completions.',
    index: `import { defineTransformer, Type } from '@ccr/sdk'

export default defineTransformer({
  name: '${name}',
  description: 'Bounds the temperature of requests.',
  dialect: 'openai',
  options: Type.Object(
    { max: Type.Number({ default: 0.5, minimum: 0, maximum: 2, description: 'Highest temperature.' }) },
    { additionalProperties: false },
  ),
  request: (body: { readonly temperature?: number }, { options }) => ({
    ...body,
    temperature: Math.min(body.temperature ?? 1, options.max),
  }),
})
`,
    conformance: cases(`{
  valid: [{}, { max: 0.2 }],
  invalid: [{ options: { max: 3 }, pointer: '/max' }],
}`),
  }),

  router: (name) => ({
    does: 'Sends requests that mention a word to a provider and model of their own.',
    index: `import { defineRouter, Type } from '@ccr/sdk'

export default defineRouter({
  name: '${name}',
  description: 'Sends requests that mention a word to a provider and model of their own.',
  options: Type.Object(
    {
      word: Type.String({ default: '#quick', minLength: 1, description: 'What a request has to mention.' }),
      target: Type.String({ default: '', description: 'Where it goes, as "provider,model"; empty for nowhere else.' }),
    },
    { additionalProperties: false },
  ),
  route(request, { options }) {
    const last = request.messages.at(-1)
    return last && JSON.stringify(last.content).includes(options.word) ? options.target : undefined
  },
})
`,
    conformance: cases(`{
  valid: [{}, { word: '#local', target: 'test,model' }],
  invalid: [{ options: { word: '' }, pointer: '/word' }],
}`),
  }),

  quota: (name) => ({
    does: 'Reads what is left of a plan at a vendor.',
    index: `import { defineQuota, Type } from '@ccr/sdk'

export default defineQuota({
  name: '${name}',
  description: 'Reads what is left of a plan at api.example.com.',
  label: 'Example',
  hosts: ['api.example.com'],
  options: Type.Object(
    { path: Type.String({ default: '/v1/balance', pattern: '^/', description: 'Where the balance is read.' }) },
    { additionalProperties: false },
  ),
  async read({ key, signal }, { options, http }) {
    if (!key) return { problem: 'unconfigured', message: 'set the api_key of the provider' }
    const auth = { scheme: 'bearer', secret: key } as const
    const answer = await http.fetch(\`https://api.example.com\${options.path}\`, { auth, signal })
    if (answer.status === 401) return { problem: 'auth', message: 'the key is refused; make a new one' }
    if (!answer.ok) throw new Error(\`status \${answer.status}\`)
    const { usd } = (await answer.json()) as { readonly usd: number }
    return { windows: [], balance: { currency: 'USD', remaining: usd } }
  },
})
`,
    conformance: cases(`{
  valid: [{}, { path: '/v2/balance' }],
  invalid: [{ options: { path: 'balance' }, pointer: '/path' }],
}`),
  }),
}

function cases(text: string): string {
  return `import type { ConformanceCases } from '@ccr/sdk/testing'

/** What \`ccr plugin test\` tries the plugin with. */
const cases: ConformanceCases = ${text}

export default cases
`
}
