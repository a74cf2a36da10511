import { conformanceChecks, describePlugin } from '@ccr/sdk/testing'
import { describe, expect, it } from 'vitest'
import { Eager, shout } from '../test/classes.ts'
import { adapted } from '../test/world.ts'
import plugin from './index.ts'

describePlugin(
  plugin,
  {
    sections: { transformers: [{ path: './plugins/my.js', options: { any: 1 } }] },
    invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }],
  },
  { describe, it },
)

/** What it adds to every body, and how it is sent. */
class Signing {
  name = 'signing'
  transformRequestIn(body: Record<string, unknown>): object {
    body['user'] = 'me'
    return { body, config: { headers: { 'x-extra': 'yes' } } }
  }
}

describe.each([
  ['requests', Signing],
  ['answers', shout],
  ['answers that it reads ahead', Eager],
])('what is made of a class for %s', (_, Class) => {
  // What options such a class takes nobody can say.
  const checks = conformanceChecks(adapted(Class)).filter(({ name }) => !name.includes('closed and documented'))
  expect(checks.length).toBeGreaterThan(8)
  for (const { name, run } of checks) it(name, async () => void (await run()))
})
