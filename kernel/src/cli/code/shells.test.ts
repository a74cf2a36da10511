import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { setLine, unsetLine } from './shells.ts'

const VALUES = ['', 'plain', "it's", '$HOME `id` $(id)', 'a "b" \\ c', "\\'", '‘typographic’', 'ü;#&|<>*?!~']

describe('a line for a shell', () => {
  it.each(VALUES)('gives a variable the value %j, and takes it away again', (value) => {
    const show = `printf '%s|' "\${VALUE-none}"`
    const script = [setLine('sh', 'VALUE', value), show, unsetLine('sh', 'VALUE'), show].join('\n')
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(`${value}|none|`)
  })

  it.each([
    ['fish', "it's \\", String.raw`set -gx V 'it\'s \\';`, 'set -e V;'],
    ['powershell', "it's ‘so’", "$env:V = 'it''s ‘‘so’’'", 'Remove-Item Env:V -ErrorAction SilentlyContinue'],
  ] as const)('is written for %s too', (shell, value, set, unset) => {
    expect([setLine(shell, 'V', value), unsetLine(shell, 'V')]).toEqual([set, unset])
  })
})
