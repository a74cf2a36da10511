import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { isObject } from '@ccr/sdk'
import { describePassedOver } from '@ccr/sdk/kernel'
import { codeOf } from '../../load/code-of.ts'
import { findRunning } from '../../host/process/instance.ts'
import type { RouteExplanation } from '../../host/admin/route-explain.ts'
import { callAdmin, faultIn } from '../admin.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'

/** How a route is asked for. */
export interface RouteExplainOptions {
  readonly path: string
  /** Lower-case names. */
  readonly header: Readonly<Record<string, string>>
  readonly json?: boolean | undefined
}

const DEADLINE_MS = 30_000

/**
 * `ccr route explain`: asks the running router where a request would go, or what the config says where none runs. Gives
 * 1 for a request that would go nowhere.
 */
export async function routeExplain(
  context: CommandContext,
  file: string,
  { path, header, json }: RouteExplainOptions,
): Promise<number> {
  const body = await readRequest(file)
  if (typeof body === 'string') {
    context.complain(`ccr: ${body}`)
    return EXIT.failed
  }
  const running = await findRunning(context.home)
  const explanation = running
    ? await askRouter(context.home, running.url, { path, headers: header, body })
    : await askConfig(context, { path, headers: header, body })
  if (typeof explanation === 'string') {
    context.complain(`ccr: ${explanation}`)
    return EXIT.failed
  }
  const source = running ? `the router at ${running.url}` : 'the config, since no router runs'
  if (json) context.print(JSON.stringify({ router: running?.url ?? null, ...explanation }))
  else for (const line of describe(explanation, source)) context.print(line)
  return explanation.error ? EXIT.failed : EXIT.ok
}

/** What a request file holds, or what is wrong with it. */
async function readRequest(file: string): Promise<object | string> {
  const name = file === '-' ? 'stdin' : file
  try {
    const bytes = file === '-' ? await buffer(process.stdin) : await readFile(file)
    const body: unknown = JSON.parse(bytes.toString('utf8'))
    if (isObject(body)) return body
    return `${name} holds no JSON object; give it the body that a client would send`
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      return `${name} does not exist. Give a file with the body that a client would send, or - for stdin`
    return `${name} cannot be used: ${(error as Error).message}`
  }
}

interface Question {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: object
}

async function askRouter(home: string, url: string, question: Question): Promise<RouteExplanation | string> {
  const answer = await callAdmin(home, url, 'POST', '/api/route/explain', DEADLINE_MS, question)
  return answer.status === 200 ? (answer.body as RouteExplanation) : faultIn(answer).message
}

async function askConfig(
  { home, env }: CommandContext,
  { path, headers, body }: Question,
): Promise<RouteExplanation | string> {
  const { explainOffline } = await import('../../host/admin/route-offline.ts')
  return explainOffline({ home, env }, { path, headers, body: Buffer.from(JSON.stringify(body)) })
}

function describe(explanation: RouteExplanation, source: string): readonly string[] {
  const { asked, targets, error, decidedBy, rule, scenario, family, passedOver = [], rewritten } = explanation
  const [first, ...others] = targets.map(({ provider, model }) => `${provider},${model}`)
  const facts = [
    ['decided by', decidedBy],
    ['rule', rule],
    ['scenario', scenario],
    ['family', family],
    ['then', others.length === 0 ? undefined : others.join(' ')],
  ]
  return [
    `${asked} -> ${first ?? 'nowhere'}`,
    ...facts.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name} ${value}`])),
    ...(rewritten ? ['  a router changed the request'] : []),
    ...(error ? [`  ${error.message}`] : []),
    ...(passedOver.length === 0 ? [] : ['  passed over:']),
    ...passedOver.map((one) => `    ${describePassedOver(one)}${one.unmatched ? ' (asked for in vain)' : ''}`),
    `  said by ${source}`,
  ]
}
