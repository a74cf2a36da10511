import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CanonicalRequest, PluginLog } from '@ccr/sdk'
import { afterAll, describe, expect, it } from 'vitest'
import { CAPTURES } from '../../../test/recorded.ts'
import { Calibration } from './calibration.ts'
import { Choices } from './choice.ts'
import { createTokenService, type CalibratedService } from './service.ts'
import { CountingThread } from './thread.ts'

const files = existsSync(CAPTURES) ? readdirSync(CAPTURES).filter((file) => file.endsWith('.json')) : []
if (files.length === 0) console.warn(`captures.test.ts: skipped, there are no captures in ${CAPTURES}`)

const requests = files.flatMap((file): (readonly [string, CanonicalRequest])[] => {
  const { body } = JSON.parse(readFileSync(join(CAPTURES, file), 'utf8')) as { readonly body?: CanonicalRequest }
  const isCanonical = Array.isArray(body?.messages) && !file.includes('chat_completions')
  return isCanonical ? [[file, body as CanonicalRequest]] : []
})

const PLACE = '../dist/place.js'
const { threadUrl, standardModule } = (await import(/* @vite-ignore */ PLACE)) as typeof import('./place.ts')
const thread = new CountingThread(threadUrl)
afterAll(() => thread.close())

/** One that has seen nothing yet. */
function fresh(): CalibratedService {
  // Nothing fails here, so nothing is logged.
  const log = {} as PluginLog
  const options = { encoding: 'cl100k_base', module: standardModule, contributed: [], providers: [] } as const
  const choices = new Choices({ ...options, memories: new Map(), log, now: Date.now })
  return createTokenService({ choices, counter: thread, calibration: new Calibration(), decisionMs: 30_000 })
}

describe.runIf(requests.length > 0)('the recorded requests', () => {
  const exact = fresh()

  it(
    'are estimated within a tenth of what they have, the smallest within three tokens',
    { timeout: 30_000 },
    async () => {
      const off: string[] = []
      let largest = 0
      for (const [file, request] of requests) {
        const { estimate, atLeast, atMost } = fresh().bounds(request)
        const tokens = await exact.count(request)
        largest = Math.max(largest, tokens)
        expect(atLeast <= tokens && tokens <= atMost).toBe(true)
        const distance = Math.abs(estimate - tokens)
        if (distance > tokens / 10 && distance > 3) off.push(`${file}: ${estimate}, not ${tokens}`)
      }
      expect(off).toEqual([])
      expect(largest).toBeGreaterThan(3000)
    },
  )

  it('are never taken for smaller or larger than they are near a threshold', { timeout: 30_000 }, async () => {
    const wrong: string[] = []
    for (const [index, [file, request]] of requests.entries()) {
      const tokens = await exact.count(request)
      for (const [place, part] of [0.9, 0.97, 1, 1.03, 1.1].entries()) {
        const threshold = Math.floor(tokens * part)
        // One in twenty is counted as if it were the first of all.
        const service = (index + place) % 20 === 0 ? fresh() : exact
        const exceeds = await service.exceeds(request, threshold)
        if (exceeds !== tokens > threshold) wrong.push(`${file}: ${tokens} tokens, threshold ${threshold}`)
      }
    }
    expect(wrong).toEqual([])
  })
})
