import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { PresetManifest } from '../../config/presets/schema.ts'
import { agree, askInputs } from './questions.ts'

const ENTER = '\r'
const DOWN = '\u001b[B'
const CANCEL = '\u0003'

/** A terminal whose user waits for each text in turn and then presses keys. */
function terminal(script: readonly (readonly [text: string, keys: string])[]) {
  const input = new PassThrough()
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 })
  const left = [...script]
  let all = ''
  let fresh = ''
  output.on('data', (chunk: Buffer) => {
    all += chunk.toString('utf8')
    fresh += chunk.toString('utf8')
    const [next] = left
    if (next === undefined || !fresh.includes(next[0])) return
    left.shift()
    fresh = ''
    setImmediate(() => input.write(next[1]))
  })
  return { input, output, shown: () => all }
}

const manifest = (schema: readonly object[]): PresetManifest =>
  ({ name: 'a', version: '1', schema, Providers: [{ name: 'p', models: ['x', 'y'] }] }) as unknown as PresetManifest

describe('the questions of a preset', () => {
  it('are asked in their order, each in its own form, until the answer fits', async () => {
    const asked = manifest([
      { id: 'model', type: 'select', options: { type: 'models', providerField: 'provider' }, label: 'Which model' },
      { id: 'provider', type: 'select', options: { type: 'providers' }, label: 'Which provider' },
      { id: 'key', type: 'password', validator: 'k-\\w+', label: 'Its key' },
      { id: 'size', type: 'number', label: 'How many', min: 5, when: { field: 'provider', value: 'p' } },
      { id: 'never', when: { field: 'provider', value: 'q' } },
      { id: 'given' },
      { id: 'region', label: 'Which region', defaultValue: 'here' },
      { id: 'sure', type: 'confirm', label: 'Really' },
      { id: 'note', label: 'A note', required: false },
    ])
    const { shown, ...streams } = terminal([
      ['Which provider', ENTER],
      ['Which model', DOWN + ENTER],
      ['Its key', `x${ENTER}`],
      ['must match k-', `\u007fk-5${ENTER}`],
      ['How many', `4${ENTER}`],
      ['must be 5 or more', `4${ENTER}`],
      ['Which region', ENTER],
      ['Really', 'y'],
      ['A note', ENTER],
    ])
    const answers = await askInputs(asked, { given: { given: 'g' }, env: {} }, streams)
    expect(answers).toEqual({ provider: 'p', model: 'y', key: 'k-5', size: 44, given: 'g', region: 'here', sure: true })
    expect(shown().indexOf('Which provider')).toBeLessThan(shown().indexOf('Its key'))
    expect(shown()).not.toContain('k-5')
  })

  it('offer what was answered before, with its variables and dollars as they were', async () => {
    const ids = ['region', 'price', 'both']
    const streams = terminal(ids.map((id) => [id, ENTER] as const))
    const before = { region: '$REGION', price: '5$$', both: '$$$$NAME' }
    const asked = manifest(ids.map((id) => ({ id })))
    expect(await askInputs(asked, { given: {}, before, env: { REGION: 'here' } }, streams)).toEqual(before)
    expect(streams.shown()).toContain('$REGION')
    expect(streams.shown()).not.toContain('5$$')
  })

  it('that are left end the installation', async () => {
    const { input, output } = terminal([['a', CANCEL]])
    await expect(askInputs(manifest([{ id: 'a' }]), { given: {}, env: {} }, { input, output })).rejects.toMatchObject({
      code: 'CCR_PRESET_INPUT',
    })
  })

  it.each([
    ['y', true],
    ['n', false],
    [ENTER, false],
    [CANCEL, false],
  ])('whether it is agreed: %j', async (key, expected) => {
    const { input, output } = terminal([['Install it?', key]])
    expect(await agree('Install it?', { input, output })).toBe(expected)
  })
})
