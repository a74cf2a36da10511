import { expect, it } from 'vitest'
import { Secret } from '../secret.ts'
import { credentialHeaders } from './credential-headers.ts'

const secret = new Secret('k')

it.each([
  ['nothing', undefined, undefined],
  ['a key behind its scheme', { scheme: 'bearer', secret }, { authorization: 'Bearer k' }],
  ['a header', { scheme: 'header', name: 'x-key', secret }, { 'x-key': 'k' }],
  ['none at all', [], {}],
  [
    'several',
    [
      { scheme: 'bearer', secret },
      { scheme: 'header', name: 'x-key', secret },
    ],
    { authorization: 'Bearer k', 'x-key': 'k' },
  ],
] as const)('%s is sent as it is meant', (_, auth, headers) => {
  expect(credentialHeaders(auth)).toEqual(headers)
})
