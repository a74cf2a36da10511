import type { Exchange, Message, ProjectRoutes, Provider, RoutePlan, RouterConfig, Target } from '@ccr/sdk'
import { describe, expect, it } from 'vitest'
import { directRoute } from './direct.ts'
import { createSight } from './sight.ts'
import { createImageTargets } from './targets.ts'
import { image, text } from '../test/images.ts'

const providers: readonly Provider[] = [
  { name: 'Mock', models: ['M-Default', 'M-Eye', 'family-eye', 'gpt-4o'], dialect: 'openai', local: false },
]
const withImage: Message[] = [{ role: 'user', content: [text('what?'), image('a')] }]
const earlier: Message[] = [...withImage, { role: 'assistant', content: 'a cat' }, { role: 'user', content: 'and?' }]
const mock = (model: string): Target => ({ provider: 'Mock', model })

interface Given {
  readonly router?: RouterConfig
  readonly messages?: readonly Message[]
  readonly target?: Target
  readonly plan?: Partial<RoutePlan>
  /** What a project says in the place of the config. */
  readonly own?: ProjectRoutes
}

function route({ router = { image: 'mock,m-eye' }, messages = withImage, target, plan, own }: Given) {
  const exchange = { request: { model: 'asked', messages }, providers, mayHold: () => true } as unknown as Exchange
  const targetsFor = createImageTargets(router, own && { routesFor: () => own })
  const sees = createSight({ visionModels: [], textOnlyModels: [] })
  const decided: RoutePlan = {
    targets: [target ?? mock('M-Default')],
    decidedBy: 'route-scenarios',
    source: 'config',
    scenario: 'default',
    passedOver: [],
    ...plan,
  }
  return directRoute({ targetsFor, sees }, decided, exchange)
}

describe('a request with an image in its latest turn', () => {
  it('goes to Router.image, and its plan says why', async () => {
    expect(await route({})).toEqual({
      targets: [mock('M-Eye')],
      primary: mock('M-Eye'),
      decidedBy: 'route-image',
      source: 'config',
      rule: 'Router.image',
      scenario: 'image',
      passedOver: [{ target: mock('M-Default'), reason: 'the request has an image, which it does not see' }],
    })
  })

  it('says whose rule it is', async () => {
    const router = { image: 'Mock,M-Eye', families: { opus: { image: 'Mock,family-eye' } } }
    const own = { router, origins: new Map([['families.opus.image', 'session'] as const]) }
    const plan = await route({ own, plan: { family: 'opus' } })
    expect(plan).toMatchObject({ rule: 'Router.families.opus.image of the session', targets: [mock('family-eye')] })
    expect(await route({ own })).toMatchObject({ rule: 'Router.image', targets: [mock('M-Eye')] })
  })

  it.each<[string, Given, string]>([
    ['chosen explicitly', { plan: { source: 'explicit' } }, 'M-Eye'],
    ['chosen for a subagent', { plan: { source: 'subagent' } }, 'M-Eye'],
    ['for thinking', { plan: { scenario: 'think' } }, 'M-Eye'],
    [
      'of a family with an image route',
      { router: { image: 'Mock,M-Eye', families: { opus: { image: 'Mock,family-eye' } } }, plan: { family: 'opus' } },
      'family-eye',
    ],
    [
      'of a family without one',
      { router: { image: 'Mock,M-Eye', families: { opus: { default: 'Mock,x' } } }, plan: { family: 'opus' } },
      'M-Eye',
    ],
    [
      'of a family alone',
      { router: { families: { opus: { image: 'Mock,family-eye' } } }, plan: { family: 'opus' } },
      'family-eye',
    ],
    [
      'of another family',
      { router: { image: 'Mock,M-Eye', families: { opus: { image: 'Mock,family-eye' } } }, plan: { family: 'haiku' } },
      'M-Eye',
    ],
  ])('%s goes there too', async (_, given, model) => {
    expect((await route(given))?.targets).toEqual([mock(model)])
  })

  it.each<[string, Given]>([
    ['Router.image is absent', { router: {} }],
    ['Router.image is empty', { router: { image: ' ' } }],
    ['the image is in an earlier turn', { messages: earlier }],
    ['there is no image', { messages: [{ role: 'user', content: 'hi' }] }],
    ['there are no messages', { messages: [] }],
    ['it goes there already', { target: mock('M-Eye') }],
    ['nobody decided', { plan: { targets: [] } }],
  ])('is left alone where %s', async (_, given) => expect(await route(given)).toBeUndefined())

  it('stays with a model that sees it', async () => {
    expect(await route({ target: mock('gpt-4o') })).toMatchObject({
      targets: [mock('gpt-4o')],
      decidedBy: 'route-scenarios',
      passedOver: [{ rule: 'Router.image', target: mock('M-Eye'), reason: "'gpt-4o' sees images itself" }],
    })
  })

  it.each([
    ['nobody,x', "there is no provider 'nobody'"],
    ['no-comma', "'no-comma' is not provider,model"],
  ])('stays where it was, visibly, where Router.image is %s', async (written, reason) => {
    expect(await route({ router: { image: written } })).toMatchObject({
      targets: [mock('M-Default')],
      passedOver: [{ rule: 'Router.image', reason, unmatched: true }],
    })
  })
})
