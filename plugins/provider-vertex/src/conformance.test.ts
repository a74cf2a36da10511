import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

// With the key of the provider: no login may be tried here, and nothing reached.
const OWN_KEY = { auth: 'api_key', project: 'p' }

describePlugin(
  plugin,
  {
    valid: [{ ...OWN_KEY, location: 'us-east5' }, { client_email: 'a', private_key: 'b' }, {}],
    invalid: [
      { options: { project: '../p' }, pointer: '/project' },
      { options: { location: 'a/b' }, pointer: '/location' },
      { options: { auth: 'none' }, pointer: '/auth' },
      { options: { private_key: '' }, pointer: '/private_key' },
      { options: { region: 'a' }, pointer: '/region' },
    ],
    streams: [
      {
        dialect: 'openai',
        body: { model: 'google/m', messages: [{ role: 'user', content: 'q' }] },
        answer: [{ choices: [{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }] }],
      },
    ],
  },
  { describe, it },
)
