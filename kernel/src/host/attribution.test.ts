import { CcrError } from '@ccr/sdk'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Instance } from '../core/instance.ts'
import { culpritOf } from './attribution.ts'

/** As much of an instance as is looked at. */
function instance(name: string, ...paths: readonly string[]): Instance {
  return { entry: { id: name, plugin: { name }, paths } } as unknown as Instance
}

const outer = instance('outer', '/srv/plugins', '/srv/plugins/outer.ts')
const inner = instance('inner', '/srv/plugins/inner', '/srv/plugins/inner/index.ts')
const sibling = instance('sibling', '/srv/plugins', '/srv/plugins/sibling.ts')
const all = [outer, inner, sibling]

function thrown(frames: readonly string[], cause?: unknown): Error {
  const error = new Error('boom', cause === undefined ? undefined : { cause })
  error.stack = ['Error: boom', ...frames.map((frame) => `    at ${frame}`)].join('\n')
  return error
}

const nameOf = (error: unknown): string | undefined => culpritOf(error, all)?.instance.entry.plugin.name

describe('the culprit', () => {
  it.each([
    [
      'the nearest frame',
      ['Timeout._onTimeout (/srv/plugins/outer.ts:1:2)', 'x (/srv/plugins/inner/a.ts:3:4)'],
      'outer',
    ],
    ['below a library', ['emit (node:events:519:28)', '/srv/plugins/inner/index.ts:7:1'], 'inner'],
    ['a file of a folder that holds several', ['x (/srv/plugins/sibling.ts:1:2)'], 'sibling'],
    ['a folder in a folder', ['x (/srv/plugins/inner/node_modules/lib/x.js:1:2)'], 'inner'],
    ['a URL', ['async file:///srv/plugins/outer.ts:1:2'], 'outer'],
    ['a path that only begins the same', ['x (/srv/plugins-old/outer.ts:1:2)'], undefined],
    ['nobody', ['x (node:internal/timers:1:2)'], undefined],
  ] as const)('is %s', (_, frames, name) => expect(nameOf(thrown(frames))).toBe(name))

  it('is looked for in the causes', () => {
    expect(nameOf(thrown(['x (node:net:1:2)'], thrown(['y (/srv/plugins/outer.ts:3:4)'])))).toBe('outer')
  })

  it('is whom the error names', () => {
    expect(nameOf(new CcrError('CCR_PLUGIN_STALE', 'late', { plugin: 'sibling' }))).toBe('sibling')
  })

  it('is found in no value that is no error, whatever it is, and none of them throws', () => {
    fc.assert(fc.property(fc.anything(), (value) => void expect(culpritOf(value, all)).toBeUndefined()))
    const strange = Object.defineProperty(new Error('x'), 'stack', {
      get: () => {
        throw new Error('no')
      },
    })
    expect(culpritOf(strange, all)).toBeUndefined()
    const ring = thrown([])
    ring.cause = ring
    expect(culpritOf(ring, all)).toBeUndefined()
  })
})
