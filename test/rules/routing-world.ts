import type { Plugin } from '@ccr/sdk'
import { createTestKernel, json, sse, type TestKernel, type TestReply } from '@ccr/sdk/testing'
import anthropic from '../../plugins/dialect-anthropic/src/index.ts'
import custom from '../../plugins/route-custom/src/index.ts'
import families from '../../plugins/route-families/src/index.ts'
import project from '../../plugins/route-project/src/index.ts'
import scenarios from '../../plugins/route-scenarios/src/index.ts'
import subagent from '../../plugins/route-subagent/src/index.ts'
import { message, messageStream } from './upstream.ts'

/** The routers as the default preset orders them. */
export interface RoutingWorldOptions {
  readonly Router: object
  /** More config sections. */
  readonly sections?: Readonly<Record<string, unknown>>
  readonly models?: readonly string[]
  /** Where overrides of projects and sessions are looked for. */
  readonly places?: { readonly home: string; readonly projects: string }
  /** Further plugins, behind the routers. */
  readonly plugins?: readonly Plugin[]
}

/** What became of a request. */
export interface Routed {
  readonly status: number
  /** The model that the upstream was asked for. */
  readonly model: string | undefined
  readonly body: Readonly<Record<string, unknown>>
  /** `x-ccr-route`. */
  readonly route: string | undefined
  readonly reply: TestReply
}

/** A kernel with every router, whose one upstream notes what it is asked. */
export interface RoutingWorld {
  readonly kernel: TestKernel
  ask(request: object, headers?: Readonly<Record<string, string>>, inputTokens?: number): Promise<Routed>
  dispose(): Promise<void>
}

/** Nowhere: no project says anything. */
const NO_PLACES = { home: '/nonexistent/home', projects: '/nonexistent/projects' }

export async function createRoutingWorld(options: RoutingWorldOptions): Promise<RoutingWorld> {
  const { Router, sections = {}, places = NO_PLACES, plugins = [] } = options
  const models = options.models ?? ['M-Default', 'm-bg', 'm-think', 'm-long', 'm-web']
  const bodies: Readonly<Record<string, unknown>>[] = []
  let tokens = 3
  const kernel = await createTestKernel({
    plugins: [anthropic, [project, places], custom, scenarios, subagent, families, ...plugins],
    providers: [{ name: 'Mock', models, dialect: 'anthropic', baseUrl: 'http://127.0.0.1:9' }],
    sections: { Router, ...sections },
    upstream: ({ body, stream }) => {
      bodies.push(JSON.parse(Buffer.from(body as string).toString()) as Readonly<Record<string, unknown>>)
      const usage = `"input_tokens": ${tokens}`
      if (stream) return sse(messageStream('hello').replace(/"input_tokens" *: *3/, usage))
      return json({ ...message('hello'), usage: { input_tokens: tokens, output_tokens: 2 } })
    },
  })
  return {
    kernel,
    dispose: () => kernel.dispose(),
    async ask(request, headers = {}, inputTokens = 3) {
      tokens = inputTokens
      const before = bodies.length
      const full = {
        model: 'claude-sonnet-4',
        max_tokens: 100,
        messages: [{ role: 'user', content: 'hi' }],
        ...request,
      }
      const reply = await kernel.request({ body: full, headers })
      const body = bodies.slice(before).at(-1) ?? {}
      const route = reply.headers['x-ccr-route']
      return { status: reply.status, model: body['model'] as string | undefined, body, route, reply }
    },
  }
}

/** About so many tokens of English, by the estimate of four characters each and by any common tokenizer. */
export function textOf(tokens: number): string {
  return 'the cat '.repeat(tokens / 2)
}
