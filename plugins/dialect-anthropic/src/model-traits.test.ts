import type { CanonicalRequest } from '@ccr/sdk'
import { afterEach, describe, expect, it } from 'vitest'
import { createWorld, refused, said, type World } from '../test/world.ts'

const ADAPTIVE = 'adaptive thinking is not supported on this model'
const TAG =
  "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'"
const BUDGET =
  '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" ' +
  'to control thinking behavior.'
const EFFORT = 'This model does not support the effort parameter.'
const LEVEL = "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."
const SAMPLING = '`temperature` is deprecated for this model.'
const TWO = '`temperature` and `top_p` cannot both be specified for this model. Please use only one.'

let world: World | undefined
afterEach(async () => {
  await world?.test.dispose()
  world = undefined
})

const messages = [{ role: 'user', content: 'q' }]
const body = (more: object): object => ({ model: 'm', max_tokens: 9000, messages, ...more })
const high = { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'high' } }

/** What was sent for each of these requests, without what they share; a request is refused as long as `refuse` says. */
async function sentFor(refuse: (body: CanonicalRequest) => string | undefined, ...given: object[]): Promise<object[]> {
  world = await createWorld((sent) => {
    const words = refuse(sent)
    return words === undefined ? said('ok') : refused(words)
  })
  for (const more of given) expect((await world.test.request({ body: body(more) })).status).toBe(200)
  return world.sent.map(({ model: _m, messages: _all, max_tokens: _limit, stream: _s, ...rest }) => rest)
}

describe('what a model refuses is left out from then on', () => {
  it.each([ADAPTIVE, TAG])('thinking as it likes becomes a budget: %s', async (words) => {
    const enabled = { thinking: { type: 'enabled', budget_tokens: 4500, display: 'summarized' } }
    const refuse = ({ thinking }: CanonicalRequest) => (thinking?.type === 'adaptive' ? words : undefined)
    expect(await sentFor(refuse, high, high)).toEqual([high, enabled, enabled])
  })

  it('the effort goes, and is the budget where both are refused', async () => {
    const low = { thinking: { type: 'adaptive' }, output_config: { effort: 'low' } }
    const refuse = ({ thinking, output_config }: CanonicalRequest) =>
      output_config?.effort ? EFFORT : thinking?.type === 'adaptive' ? ADAPTIVE : undefined
    expect(await sentFor(refuse, low, low)).toEqual([
      low,
      { thinking: low.thinking },
      { thinking: { type: 'enabled', budget_tokens: 1024 } },
      { thinking: { type: 'enabled', budget_tokens: 1024 } },
    ])
  })

  it('a format of the answer stays without the effort', async () => {
    const format = { type: 'json_schema', schema: {} }
    const refuse = ({ output_config }: CanonicalRequest) => (output_config?.effort ? EFFORT : undefined)
    const [, second] = await sentFor(refuse, { output_config: { effort: 'low', format } })
    expect(second).toEqual({ output_config: { format } })
  })

  it.each(['xhigh', 'max'])('a level of effort becomes the highest that all have: %s', async (effort) => {
    const format = { type: 'json_schema', schema: {} }
    const refuse = ({ output_config }: CanonicalRequest) => (output_config?.effort === effort ? LEVEL : undefined)
    const [, second] = await sentFor(refuse, { ...high, output_config: { effort, format } })
    expect(second).toEqual({ ...high, output_config: { effort: 'high', format } })
  })

  it('a budget of thinking becomes an effort', async () => {
    const enabled = { thinking: { type: 'enabled', budget_tokens: 8000 } }
    const refuse = ({ thinking }: CanonicalRequest) => (thinking?.type === 'enabled' ? BUDGET : undefined)
    const [, second, third] = await sentFor(refuse, enabled, { ...enabled, output_config: { effort: 'max' } })
    expect(second).toEqual({ thinking: { type: 'adaptive' }, output_config: { effort: 'medium' } })
    expect(third).toEqual({ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } })
  })

  it('each step of a budget has its effort, and no effort a budget of its own', async () => {
    const format = { type: 'json_schema', schema: {} }
    const asked = (budget_tokens: number) => ({
      thinking: { type: 'enabled', budget_tokens, display: 'summarized' },
      output_config: { format },
    })
    const refuse = ({ thinking }: CanonicalRequest) => (thinking?.type === 'enabled' ? BUDGET : undefined)
    const [, ...sent] = await sentFor(refuse, ...[1024, 1025, 8192, 8193].map(asked))
    const thinking = { type: 'adaptive', display: 'summarized' }
    expect(sent).toEqual(
      ['low', 'medium', 'medium', 'high'].map((effort) => ({ thinking, output_config: { format, effort } })),
    )
    await world!.test.dispose()
    const refuseAdaptive = ({ thinking }: CanonicalRequest) => (thinking?.type === 'adaptive' ? ADAPTIVE : undefined)
    const efforts = [undefined, 'odd', 'low', 'medium'].map((effort) => ({
      thinking: { type: 'adaptive' },
      ...(effort && { output_config: { effort } }),
    }))
    const [, ...budgets] = await sentFor(refuseAdaptive, ...efforts)
    expect(budgets).toEqual(
      [8192, 8192, 1024, 8192].map((budget_tokens) => ({ thinking: { type: 'enabled', budget_tokens } })),
    )
  })

  it('all sampling goes, or the second where two are too many', async () => {
    const sampling = { temperature: 0.2, top_p: 0.9, top_k: 3 }
    const refuse = ({ temperature }: CanonicalRequest) => (temperature === undefined ? undefined : SAMPLING)
    expect(await sentFor(refuse, sampling)).toEqual([sampling, {}])
    await world!.test.dispose()
    const both = ({ top_p }: CanonicalRequest) => (top_p === undefined ? undefined : TWO)
    expect(await sentFor(both, sampling)).toEqual([sampling, { temperature: 0.2, top_k: 3 }])
  })

  it.each([
    [
      '`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. Please consult …',
      'temperature',
    ],
    ['`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled. Please consult …', 'top_p'],
    ['`top_k` must be unset when thinking is enabled. Please consult our documentation …', 'top_k'],
  ] as const)('the sampling that thinking does not bear goes while there is any: %s', async (words, field) => {
    const sampling = { temperature: 0.2, top_p: 0.9, top_k: 3 }
    const refuse = (sent: CanonicalRequest) => (sent.thinking && sent[field] === sampling[field] ? words : undefined)
    const { thinking } = high
    expect(await sentFor(refuse, { thinking, ...sampling }, { thinking, ...sampling }, sampling)).toEqual([
      { thinking, ...sampling },
      { thinking },
      { thinking },
      sampling,
    ])
    // What thinking bears passes as it came.
    await world!.test.request({ body: body({ thinking, temperature: 1, top_p: 0.95 }) })
    expect('stream' in world!.sent.at(-1)!).toBe(false)
  })

  it('an answer is no longer than the model gives, and the budget of thinking stays below', async () => {
    const limits = (): unknown[] => world!.sent.map(({ max_tokens, thinking }) => [max_tokens, thinking])
    const refuse = ({ max_tokens = 0 }: CanonicalRequest) =>
      max_tokens > 6000
        ? `max_tokens: ${max_tokens} > 6000, which is the maximum allowed number of output tokens for model`
        : undefined
    const adaptive = { type: 'adaptive' }
    const enabled = (budget_tokens: number): object => ({ type: 'enabled', budget_tokens })
    await sentFor(
      refuse,
      { thinking: adaptive },
      { thinking: enabled(8000) },
      { max_tokens: 5000 },
      { max_tokens: 7000 },
    )
    expect(limits()).toEqual([
      [9000, adaptive],
      [6000, adaptive],
      [6000, enabled(3000)],
      [5000, undefined],
      [6000, undefined],
    ])
  })

  it('so is that to a request that says no length', async () => {
    const refuse = ({ max_tokens = 0, thinking }: CanonicalRequest) =>
      thinking?.type === 'adaptive'
        ? ADAPTIVE
        : max_tokens > 6000
          ? `max_tokens: ${max_tokens} > 6000, which is the maximum allowed number of output tokens for model`
          : undefined
    const max_tokens = undefined
    await sentFor(refuse, { thinking: { type: 'adaptive' }, max_tokens }, { max_tokens })
    const limits = world!.sent.map(({ max_tokens, thinking }) => [max_tokens, thinking])
    const enabled = (budget_tokens: number): object => ({ type: 'enabled', budget_tokens })
    expect(limits.slice(-3)).toEqual([
      [16_384, enabled(8192)],
      [6000, enabled(3000)],
      [6000, undefined],
    ])
  })

  it.each([
    'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an ' +
      'input message role.',
    "messages.1.role: Input should be 'user' or 'assistant'",
  ])('a system message inside the history becomes a reminder of the user: %s', async (words) => {
    const cache_control = { type: 'ephemeral' }
    const text = { type: 'text', text: 'b', cache_control }
    const roles = [
      { role: 'user', content: 'q' },
      { role: 'system', content: 'a', output_config: { effort: 'low' } },
      { role: 'system', content: [text] },
    ]
    world = await createWorld(({ messages: all }) => {
      return all.some(({ role }) => role === 'system') ? refused(words) : said('ok')
    })
    for (let turn = 0; turn < 2; turn++)
      expect((await world.test.request({ body: body({ messages: roles }) })).status).toBe(200)
    const reminder = (said: string): string => `<system-reminder>\n${said}\n</system-reminder>`
    expect(world.sent.slice(1).map(({ messages: all }) => all)).toEqual([
      [
        roles[0],
        { role: 'user', content: reminder('a') },
        { role: 'user', content: [{ ...text, text: reminder('b') }] },
      ],
      world.sent[1]!.messages,
    ])
  })

  it.each([[[null]], [[{ role: 'system' }]], [[{ role: 'system', content: [null] }]]])(
    'what is malformed is for the server to refuse: %j',
    async (malformed) => {
      world = await createWorld(() => refused("messages.0.role: Input should be 'user' or 'assistant'"))
      for (let turn = 0; turn < 2; turn++)
        expect((await world.test.request({ body: body({ messages: malformed }) })).status).toBe(400)
    },
  )

  it('a request that asks for none of it passes as it came', async () => {
    const refuse = ({ temperature }: CanonicalRequest) => (temperature === undefined ? undefined : SAMPLING)
    await sentFor(refuse, { temperature: 0.2 }, { later: 1 })
    // An encoded request says whether it streams.
    expect(world!.sent.map((sent) => 'stream' in sent)).toEqual([false, true, false])
  })

  it.each([
    [
      "messages.0.role: Input should be 'user' or 'assistant'",
      { messages: [{ role: 'tool', content: 'q' }] },
      { messages: [...messages, { role: 'system', content: 'a' }] },
    ],
    [
      "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
      { output_config: { effort: 'ultra' } },
      { output_config: { effort: 'max' } },
    ],
  ])('is nothing that the refused request did not hold: %s', async (words, wrong, right) => {
    world = await createWorld(() => (world!.sent.length === 1 ? refused(words) : said('ok')))
    expect((await world.test.request({ body: body(wrong) })).status).toBe(400)
    expect((await world.test.request({ body: body(right) })).status).toBe(200)
    expect(world.sent).toEqual([wrong, right].map((more) => ({ ...body(more), model: 'model' })))
  })

  it('costs each request that was on its way no more than one attempt', async () => {
    const refuse = ({ temperature }: CanonicalRequest) => (temperature === undefined ? undefined : SAMPLING)
    world = await createWorld((sent) => (refuse(sent) === undefined ? said('ok') : refused(SAMPLING)))
    const ask = (): ReturnType<World['test']['request']> => world!.test.request({ body: body({ temperature: 0.2 }) })
    const answers = await Promise.all([ask(), ask(), ask()])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(world.sent).toHaveLength(6)
  })

  it('is not what another complaint means', async () => {
    world = await createWorld(() => refused('temperature: Input should be less than or equal to 1'))
    expect((await world.test.request({ body: body({ temperature: 2 }) })).status).toBe(400)
    expect(world.sent).toHaveLength(1)
  })
})
