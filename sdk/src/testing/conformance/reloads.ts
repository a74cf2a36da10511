import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { PluginContext } from '@ccr/sdk'
import { ResourceWatch } from '../resources.ts'
import { ConformanceError } from './cases.ts'
import { inWorld, type Subject, type World } from './world.ts'

const RELOADS = 20
/** The first few fill caches. */
const WARM = 4
/** Of so many disposed contexts the engine itself may still hold some. */
const KEPT = 3
const HEAP_BYTES = 2 * 1024 * 1024
/** So often growth is looked at before it counts. */
const ROUNDS = 3

/** Reloads leave nothing behind: no timers, handles or listeners, no memory, no context of a disposed instance. */
export async function reloadsAreFlat(subject: Subject): Promise<'passed' | 'skipped'> {
  const watch = new ResourceWatch({ offline: true })
  const contexts: WeakRef<PluginContext>[] = []
  const note = (ctx: PluginContext): PluginContext => {
    const own = { ...ctx }
    contexts.push(new WeakRef(own))
    return own
  }
  try {
    const result = await inWorld(subject, { context: note, watch }, async (world) => {
      await reload(world, WARM)
      const limit = subject.limits.heapBytes ?? HEAP_BYTES
      let grown = Infinity
      // What grew once may have been a cache, or the engine's own; what leaks grows every time.
      for (let round = 0; round < ROUNDS && grown > limit; round++) {
        const before = await heapBytes()
        await reload(world, RELOADS)
        grown = (await heapBytes()) - before
      }
      if (grown > limit) {
        throw new ConformanceError(`${RELOADS} reloads left ${grown} bytes; keep nothing outside of activate`)
      }
    })
    if (result === 'skipped') return result
    const left = await watch.left()
    if (left.length > 0) {
      const fact = `reloads left ${[...new Set(left)].join(', ')}`
      throw new ConformanceError(`${fact}; undo it in ctx.effect`)
    }
    await heapBytes()
    const kept = contexts.filter((context) => context.deref() !== undefined).length
    if (kept > KEPT) {
      const fact = `${kept} of ${contexts.length} disposed instances are still held`
      throw new ConformanceError(`${fact}; keep no ctx, and nothing that uses it, outside of activate`)
    }
    return result
  } finally {
    watch.close()
  }
}

async function reload(world: World, times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    await world.reload()
    await world.ask()
    // A replaced generation is disposed when its last exchange has ended.
    for (let turns = 0; turns < 1000 && world.kernel.kernel.draining.length > 0; turns++) await turn()
  }
}

/** What is in use after everything unused was collected. */
async function heapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // What a collection finds unused may hold more, which the next one finds.
  for (let time = 0; time < 2; time++) {
    await turn()
    collect()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
