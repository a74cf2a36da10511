import { isCcrError, type PluginContext } from '@ccr/sdk'
import { ResourceWatch } from '../resources.ts'
import { ConformanceError } from './cases.ts'
import { PLAIN_STREAM } from './default-streams.ts'
import { inWorld, startWorld, type Subject } from './world.ts'

/** What the kernel says of a plugin that does not keep what it declared. */
const UNDECLARED: ReadonlySet<string> = new Set(['CCR_PLUGIN_SERVICE', 'CCR_PLUGIN_CAPABILITY'])

/** Activates with every valid case, in time, without asking the network. */
export async function activatesOffline(subject: Subject): Promise<'passed' | 'skipped'> {
  const { plugin, cases, limits } = subject
  // What runs later, such as a poller, may use the network.
  const activation = new ResourceWatch({ offline: true })
  const offline = { ...plugin, activate: (ctx: PluginContext) => activation.run(() => plugin.activate(ctx)) }
  const looked = { plugin: offline, cases, limits }
  let result: 'passed' | 'skipped' = 'passed'
  try {
    for (const options of cases.valid ?? [{}]) {
      const failure = await tryToStart(looked, options)
      if (activation.network.length > 0) {
        const fact = `its activation asked ${activation.network.join(', ')}`
        throw new ConformanceError(`${fact}; ask in ctx.whileLive or in a handler, so that an outage stops no change`)
      }
      if (failure && UNDECLARED.has(codeOf(failure))) result = 'skipped'
      // Options that do not fit are told by another check.
      else if (failure && codeOf(failure) === 'CCR_PLUGIN_OPTIONS') result = 'skipped'
      else if (failure) throw failure
    }
    return result
  } finally {
    activation.close()
  }
}

/** It offers, uses and contributes what it declares, and nothing else. */
export async function registersWhatItDeclares(subject: Subject): Promise<'passed' | 'skipped'> {
  const failure = await tryToStart(subject, subject.cases.valid?.[0] ?? {})
  if (!failure) return 'passed'
  if (UNDECLARED.has(codeOf(failure))) throw failure
  return 'skipped'
}

/** Disposing it works, and doing it again is harmless. */
export function disposesTwice(subject: Subject): Promise<'passed' | 'skipped'> {
  const inverses: (() => void | Promise<void>)[] = []
  const collect = (ctx: PluginContext): PluginContext => ({
    ...ctx,
    effect: (inverse) => {
      inverses.push(inverse)
      ctx.effect(inverse)
    },
    whileLive: (start) =>
      ctx.whileLive(() => {
        const stop = start()
        inverses.push(stop)
        return stop
      }),
  })
  return inWorld(subject, { stream: PLAIN_STREAM, context: collect }, async ({ kernel }) => {
    await kernel.dispose()
    const failed = kernel.warnings.filter((text) => text.includes('failed while it was stopped'))
    if (failed.length > 0)
      throw new ConformanceError('an inverse given to ctx.effect or ctx.whileLive threw; let it not')
    await kernel.dispose()
    for (const inverse of inverses.reverse()) {
      try {
        await inverse()
      } catch (thrown) {
        const fact = `an inverse throws when it is run again: ${String(thrown)}`
        throw new ConformanceError(`${fact}; make it do nothing then`, { cause: thrown })
      }
    }
  })
}

async function tryToStart(subject: Subject, options: unknown): Promise<ConformanceError | undefined> {
  try {
    await (await startWorld(subject, { stream: PLAIN_STREAM, options })).close()
    return undefined
  } catch (thrown) {
    if (thrown instanceof ConformanceError) return thrown
    throw thrown
  }
}

function codeOf({ cause }: ConformanceError): string {
  return isCcrError(cause) ? cause.code : ''
}
