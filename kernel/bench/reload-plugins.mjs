// The plugins that the reload bench measures with, as text: one that is edited, and one that watches the event loop.

const RECORD = `const meter = (globalThis[Symbol.for('ccr-meter')] ??= {})
const now = () => performance.timeOrigin + performance.now()`

/**
 * A plugin of a certain size that stands in the way of every stream and says when it goes live.
 *
 * @param {number} version
 * @param {number} bytes
 */
export function subjectText(version, bytes) {
  const head = `import { definePlugin, mapEvents, Type } from '@ccr/sdk'
${RECORD}
const version: number = ${version}
`
  const tail = `
export default definePlugin({
  name: 'bench-subject',
  apiVersion: 1,
  description: 'Is reloaded.',
  options: Type.Object({ label: Type.String({ default: 'none' }) }, { additionalProperties: false }),
  activate(ctx) {
    const sums = ctx.state('sums', 1, () => new Map<string, number>())
    ctx.on('transformRequest', (outbound) => {
      return { ...outbound, headers: { ...outbound.headers, 'x-version': String(version) } }
    })
    ctx.on('transformStream', (stream) => stream.pipe('canonical', mapEvents((event) => event)))
    ctx.on('onUsage', ({ tokens }) => void sums.set('tokens', (sums.get('tokens') ?? 0) + sum(tokens)))
    ctx.whileLive(() => {
      meter.live = now()
      meter.version = version
      return () => undefined
    })
  },
})
`
  return `${head}${filler(bytes - head.length - tail.length)}${tail}`
}

/** Functions like those of a plugin, all of them reached. */
function filler(bytes) {
  const parts = []
  let size = 0
  for (let index = 0; size < bytes; index++) {
    const part = `
interface Row${index} {
  readonly name: string
  readonly count: number
}

function add${index}(rows: readonly Row${index}[], limit: number): Map<string, number> {
  const found = new Map<string, number>()
  for (const { name, count } of rows) {
    if (count % ${index + 2} === 0 && count < limit) found.set(\`\${name}-${index}\`, (found.get(name) ?? 0) + count)
    else found.set(name, count - ${index})
  }
  return found
}
`
    size += part.length
    parts.push(part)
  }
  const calls = parts.map((_, index) => `add${index}([{ name: 'row', count }], ${index})`)
  return `${parts.join('')}
function sum(tokens: object): number {
  let total = 0
  for (const count of Object.values(tokens)) for (const each of [${calls.join(', ')}]) total += each.size
  return total
}
`
}

/** Tells how long the event loop was away at most, by the clock and by the CPU time of the process in the same span. */
export const METER = `import { definePlugin, Type } from '@ccr/sdk'
${RECORD}

export default definePlugin({
  name: 'bench-meter',
  apiVersion: 1,
  description: 'Watches the event loop.',
  options: Type.Object({}, { additionalProperties: false }),
  activate(ctx) {
    let last = performance.now()
    let cpu = process.cpuUsage()
    let away = { wallMs: 0, cpuMs: 0 }
    const timer = setInterval(() => {
      const at = performance.now()
      const used = process.cpuUsage()
      const wallMs = at - last
      // A process that was not let run was away too, but not by its own doing.
      const cpuMs = Math.min(wallMs, (used.user + used.system - cpu.user - cpu.system) / 1000)
      away = { wallMs: Math.max(away.wallMs, wallMs), cpuMs: Math.max(away.cpuMs, cpuMs) }
      last = at
      cpu = used
    }, 1)
    ctx.effect(() => clearInterval(timer))
    const respond = () => {
      const body = { ...meter, ...away }
      away = { wallMs: 0, cpuMs: 0 }
      return { status: 200, body }
    }
    ctx.endpoint({ method: 'GET', path: '/api/meter', access: 'admin', respond })
  },
})
`
