import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { CcrError, ERROR_CODES, isCcrError, isSkipTarget, messageOf, SkipTarget } from './errors.ts'

it('docs/reference/errors.md lists the codes as they are declared', async () => {
  const text = await readFile(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| `(CCR_\w+)` +\| (.+?) +\|$/gm)].map(([, code, meaning]) => [code, meaning])
  expect(rows).toEqual(Object.entries(ERROR_CODES))
})

it('errors are known by their names, whichever copy of the SDK made them', () => {
  const named = (name: string, more = {}): Error => Object.assign(new Error('m'), { name }, more)
  const made = [
    new CcrError('CCR_HOOK_FAILED', 'm'),
    named('CcrError', { code: 'CCR_HOOK_FAILED' }),
    named('CcrError'),
    named('Error', { code: 'CCR_HOOK_FAILED' }),
    { name: 'CcrError', code: 'CCR_HOOK_FAILED' },
  ]
  expect(made.map(isCcrError)).toEqual([true, true, false, false, false])
  expect([new SkipTarget('m'), named('SkipTarget'), named('Error'), { name: 'SkipTarget' }].map(isSkipTarget)).toEqual([
    true,
    true,
    false,
    false,
  ])
})

it('any thrown value has a message', () => {
  expect([new Error('m'), 'text', undefined, { message: 'm' }].map(messageOf)).toEqual([
    'm',
    'text',
    'undefined',
    '[object Object]',
  ])
})
