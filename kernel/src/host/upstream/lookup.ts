import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'

type Answer = Parameters<LookupFunction>[2]

/**
 * Looks up names, each once for all who wait for it. A lookup cannot be called back and holds one of few threads until
 * it ends: of a name that nobody answers for, a lookup for each request would keep those of other names waiting, and
 * the process from ending.
 */
export function createLookup(resolve: LookupFunction = lookup): LookupFunction {
  const waiting = new Map<string, Answer[]>()
  return (hostname, options, callback) => {
    const key = JSON.stringify([hostname, options.all, options.family, options.hints])
    const others = waiting.get(key)
    if (others) return void others.push(callback)
    const all = [callback]
    waiting.set(key, all)
    resolve(hostname, options, (...result) => {
      waiting.delete(key)
      for (const one of all) one(...result)
    })
  }
}
