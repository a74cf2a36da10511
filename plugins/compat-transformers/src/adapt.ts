import { basename } from 'node:path'
import { definePlugin, Type, type Adapt, type PluginContext } from '@ccr/sdk'
import { Calls } from './calls.ts'
import { createTransformer, findClass, hasHook, nameOf, type LegacyTransformer } from './legacy-class.ts'
import { legacyLog } from './legacy-log.ts'
import { requestTap } from './request.ts'
import { responseStage } from './response.ts'
import { sendTap } from './send.ts'

/** A class may have to fetch a token before it can go on, in milliseconds. */
const REQUEST_MS = 30_000

/** A plugin whose handlers call an instance of a transformer class; nothing where no such class is exported. */
export const adaptClass: Adapt = (exported, { file, options }) => {
  const Class = findClass(exported)
  if (!Class) return undefined
  // Only an instance tells its name. It serves the first entry with the same options, so that most run their
  // constructor once.
  let first: LegacyTransformer | undefined = createTransformer(Class, options)
  const name = nameOf(Class, first)
  if (name === undefined) return undefined
  const of = JSON.stringify(options)
  const create = (own: unknown): LegacyTransformer => {
    const made = first !== undefined && JSON.stringify(own) === of ? first : createTransformer(Class, own)
    if (made === first) first = undefined
    return made
  }
  return definePlugin({
    name: pluginName(name),
    apiVersion: 1,
    description: `The transformer ${name} of ${basename(file)}.`,
    // The class knows what it takes.
    options: Type.Object({}, { additionalProperties: true }),
    transformers: [{ name }],
    contributes: ['warnings'],
    capabilities: ['credentials'],
    activate: (ctx) => takePart(create(ctx.options), name, ctx),
  })
}

function takePart(instance: LegacyTransformer, name: string, ctx: PluginContext): void {
  const log = legacyLog(ctx.log)
  instance.logger = log
  const inRequests = hasHook(instance, 'transformRequestIn')
  const inAnswers = hasHook(instance, 'transformResponseOut')
  if (!inRequests && !inAnswers) {
    const fact = `the transformer ${name} has neither transformRequestIn nor transformResponseOut`
    ctx.contribute('warnings', `${fact}: it only makes an endpoint for clients, which is not used.`)
    return
  }
  const calls = new Calls(log)
  const placement = { stage: 'wire', dialect: '*', timeoutMs: REQUEST_MS } as const
  ctx.on('transformRequest', requestTap({ instance, name, calls, ctx, isCalled: inRequests }), placement)
  if (inRequests) ctx.on('transformRequest', sendTap({ name, calls, ctx }), { stage: 'send' })
  if (!inAnswers) return
  ctx.on('transformStream', (stream, attempt) => {
    stream.through(
      'wire',
      responseStage({
        instance,
        name,
        dialect: stream.dialect,
        provider: attempt.target.provider,
        call: calls.of(attempt),
      }),
    )
  })
}

/** The name as plugins have it. */
function pluginName(name: string): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? ['transformer']
  return words.join('-')
}
