/*
 * The plugins that a soak edits, as text: real files for the router. Every answer carries, at its beginning and at its
 * end, what the code that made it was; what they do after their disposal, and what of them stays alive, is counted.
 */

/** What a plugin's answers are marked with. */
export interface Signature {
  readonly code: number
  readonly dependency: number
  readonly label: number
  readonly section: number
}

/** The mark itself. */
export function markOf({ code, dependency, label, section }: Signature): string {
  return [code, dependency, label, section].join('.')
}

/** Ways in which an edit of the marker's code is no use. */
export type BrokenCode = 'syntax' | 'throw' | 'hang' | 'service'

/** Shared by all versions of the plugins, and with the probe. */
const RECORD = `
const record = (globalThis[Symbol.for('ccr-soak')] ??= {
  activated: 0, disposed: 0, callsAfterDisposal: 0, working: 0, requests: 0, modules: [],
})`

/** Held by the module, so that one that stays in memory is seen twice: by its weight and by its weak reference. */
const BALLAST = `
const ballast = Buffer.alloc(512 * 1024, 1)
const sentinel = { ballast }
record.modules.push(new WeakRef(sentinel))`

/** Counts an instance of a plugin, and says whether it is still in use. */
const LIFE = `
function live(ctx) {
  let disposed = false
  record.activated++
  ctx.effect(() => {
    disposed = true
    record.disposed++
    ctx.log.info({ alive: record.activated - record.disposed, weight: sentinel.ballast.length }, 'soak: disposed')
  })
  ctx.whileLive(() => {
    record.working++
    return () => void record.working--
  })
  return () => void (disposed && record.callsAfterDisposal++)
}`

/** Puts a text before and after the text of an answer. */
const FRAME = `
function frame(check, before, after) {
  let open = false
  const text = (index, text) => ({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } })
  return {
    chunk(event, emit) {
      check()
      const first = event.type === 'content_block_delta' && event.delta.type === 'text_delta' && !open
      if (first) {
        open = true
        emit(text(event.index, before()))
      }
      if (event.type === 'content_block_stop' && open) emit(text(event.index, after()))
      emit(event)
    },
    flush: check,
    abort: check,
  }
}`

/** The dependency of the marker. */
export function dependencyText(version: number): string {
  return `export const dependency: number = ${version}\n`
}

/**
 * The plugin under edit. It writes its mark into the request, which comes back in the answer, and around the answer.
 *
 * @param padding bytes of further code, for a plugin of a certain size
 */
export function markerText(code: number, broken?: BrokenCode, padding = 0): string {
  const provides = broken === 'service' ? '' : `provides: ['soak-mark'],`
  const provide = broken === 'service' ? '' : `ctx.provide('soak-mark', mark)`
  const early = { throw: `throw new Error('boom')`, hang: 'await new Promise(() => undefined)' } as const
  return `import { definePlugin, Type } from '@ccr/sdk'
import { dependency } from './dependency.ts'
${RECORD}${BALLAST}${LIFE}${FRAME}

export default definePlugin({
  name: 'soak-marker',
  apiVersion: 1,
  description: 'Marks requests and answers with what it is.',
  options: Type.Object({ label: Type.Integer() }, { additionalProperties: false }),
  config: { Soak: Type.Object({ section: Type.Integer() }) },
  ${provides}
  async activate(ctx) {
    const check = live(ctx)
    const mark: string = [${code}, dependency, ctx.options.label, ctx.config.Soak.section].join('.')
    const count = ctx.state('count', 1, () => ({ requests: 0 }))
    ctx.on('transformRequest', (outbound) => {
      check()
      record.requests = ++count.requests
      return { ...outbound, body: { ...outbound.body, system: \`[sent \${mark}]\` } }
    })
    ctx.on('transformStream', (stream) => {
      check()
      stream.pipe('canonical', frame(check, () => \`[open \${mark}]\`, () => \`[close \${mark}]\`))
    })
    ${provide}
    ${broken === 'throw' || broken === 'hang' ? early[broken] : ''}
  },
})
${paddingText(padding)}${broken === 'syntax' ? 'export const =\n' : ''}`
}

/** Code that does something, so that it is neither dropped nor cheap. */
function paddingText(bytes: number): string {
  const parts: string[] = []
  for (let size = 0, index = 0; size < bytes; index++) {
    const part = `export function step${index}(input: Record<string, number>): Record<string, number> {
  const output: Record<string, number> = {}
  for (const [name, value] of Object.entries(input)) {
    if (value % ${index + 2} === 0) output[\`\${name}-${index}\`] = value * ${index} + name.length
    else output[name] = value - ${index}
  }
  return output
}
`
    size += part.length
    parts.push(part)
  }
  return parts.join('')
}

/** A second plugin, which builds on the first one and must always be of the same generation as it. */
export const COMPANION = `import { definePlugin, Type } from '@ccr/sdk'
${RECORD}${BALLAST}${LIFE}${FRAME}

export default definePlugin({
  name: 'soak-companion',
  apiVersion: 1,
  description: 'Marks answers with what the marker is.',
  options: Type.Object({}, { additionalProperties: false }),
  config: { Soak: Type.Object({ section: Type.Integer() }) },
  requires: ['soak-mark'],
  activate(ctx) {
    const check = live(ctx)
    const also = () => \`[also \${ctx.get('soak-mark')} \${ctx.config.Soak.section}]\`
    ctx.on('transformStream', (stream) => {
      check()
      stream.pipe('canonical', frame(check, also, also))
    })
  },
})
`

/** Tells, over HTTP, what the process holds after a collection; never edited. */
export const PROBE = `import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { setImmediate as turn } from 'node:timers/promises'
import { definePlugin, Type } from '@ccr/sdk'
${RECORD}

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

async function measure() {
  for (let round = 0; round < 4; round++) {
    await turn()
    collect()
  }
  const { heapUsed, external } = process.memoryUsage()
  const resources = {}
  for (const type of process.getActiveResourcesInfo()) resources[type] = (resources[type] ?? 0) + 1
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
  record.modules = record.modules.filter((module) => module.deref() !== undefined)
  const { activated, disposed, callsAfterDisposal, working, requests, modules } = record
  const counts = { activated, disposed, callsAfterDisposal, working, requests, modules: modules.length }
  return { memoryBytes: heapUsed + external, resources, listeners, ...counts }
}

export default definePlugin({
  name: 'soak-probe',
  apiVersion: 1,
  description: 'Tells what the process holds.',
  options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    const respond = async () => ({ status: 200, body: await measure() })
    ctx.endpoint({ method: 'GET', path: '/api/soak', access: 'admin', respond })
  },
})
`

/** What the probe tells. */
export interface Measure {
  /** `heapUsed + external` after a collection. */
  readonly memoryBytes: number
  /** What keeps the event loop busy, by type. */
  readonly resources: Readonly<Record<string, number>>
  /** Of the process object. */
  readonly listeners: number
  /** Instances of marker and companion so far. */
  readonly activated: number
  readonly disposed: number
  readonly callsAfterDisposal: number
  /** Instances between the start and the stop of what they do while they are live. */
  readonly working: number
  /** Requests that the marker's state has counted. */
  readonly requests: number
  /** Evaluated modules of marker and companion that are still in memory. */
  readonly modules: number
}
