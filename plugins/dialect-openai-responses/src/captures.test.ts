import { readdirSync, readFileSync } from 'node:fs'
import type { CanonicalRequest } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { encode, shared } from '../test/harness.ts'
import { checkAgainst, shapeOf } from '../test/type-check.ts'
import { signItems } from './reasoning.ts'

const CAPTURES = shared('captures')

function requests(): readonly CanonicalRequest[] {
  if (!CAPTURES) return []
  return readdirSync(CAPTURES)
    .filter((name) => /POST_v1_messages\.json$/.test(name))
    .map((name) => (JSON.parse(readFileSync(`${CAPTURES}/${name}`, 'utf8')) as { body: CanonicalRequest }).body)
}

/** Its earlier turns stand on the server that it was recorded with. */
const isContinued = (request: CanonicalRequest): boolean =>
  (request['thread'] as { type?: unknown } | undefined)?.type === 'continue'
const recorded = requests()
const captured = recorded.filter((request) => !isContinued(request))

/** What no recorded client sends, so that the check covers every form that the encoder writes. */
const WRITTEN: readonly Partial<CanonicalRequest>[] = [
  {
    thinking: { type: 'adaptive' },
    output_config: { effort: 'xhigh', format: { type: 'json_schema', schema: {} } },
    tools: [{ type: 'web_search_20250305', name: 'web_search' }, { name: 'f' }],
    tool_choice: { type: 'tool', name: 'f', disable_parallel_tool_use: true },
    messages: [
      { role: 'user', content: [{ type: 'document', source: { type: 'url', url: 'http://d' } }] },
      {
        role: 'assistant',
        content: [
          {
            type: 'thinking',
            thinking: 's',
            signature: signItems('local', [{ type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'E' }]),
          },
          { type: 'tool_use', id: '1', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: '1',
            content: [{ type: 'image', source: { type: 'url', url: 'http://i' } }],
          },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA' } },
        ],
      },
    ],
  },
]

describe('converted requests', () => {
  it.skipIf(captured.length === 0)('are none whose history stands on another server', () => {
    const continued = recorded.filter(isContinued)
    expect(continued).toHaveLength(1)
    for (const request of continued) expect(() => encode(request)).toThrow(/\/thread\/type must be/)
  })

  it.skipIf(captured.length === 0)(
    'every recorded one fits ResponseCreateParams of the official SDK',
    () => {
      const shapes = new Map<string, unknown>()
      for (const request of [...captured, ...WRITTEN]) {
        const shape = shapeOf(encode(request, { stream: request.stream ?? false }))
        shapes.set(JSON.stringify(shape), shape)
      }
      expect(shapes.size).toBeGreaterThan(50)
      expect(
        checkAgainst('ResponseCreateParams', 'openai/resources/responses/responses', [...shapes.values()]),
      ).toEqual([])
    },
    120_000,
  )

  it('one that does not fit is found', () => {
    const wrong = [{ model: 'm', input: [{ type: 'message', role: 'nobody', content: 'x' }] }, { thinking: 1 }]
    expect(checkAgainst('ResponseCreateParams', 'openai/resources/responses/responses', wrong)).toHaveLength(2)
  }, 60_000)
})
