import { describe, expect, it } from 'vitest'
import { assumeWidth, isInteractive } from './terminal.ts'

describe('a terminal', () => {
  it.each([
    [true, true, true],
    [true, undefined, false],
    [undefined, true, false],
    [false, false, false],
  ])('that is one for input (%s) and output (%s) can be asked: %s', (input, output, expected) => {
    const given = { stdin: { isTTY: input }, stdout: { isTTY: output } } as unknown as NodeJS.Process
    expect(isInteractive(given)).toBe(expected)
  })

  it('has 80 columns where it does not know better', () => {
    const widths = [0, undefined, 120].map((columns) => {
      const stream = { isTTY: true, columns } as { isTTY: boolean; columns: number }
      assumeWidth(stream)
      return stream.columns
    })
    expect(widths).toEqual([80, 80, 120])
    const file = {} as { columns: number }
    assumeWidth(file)
    expect(file).toEqual({})
  })
})
