import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TObject, TSchema } from '@ccr/sdk/typebox'
import { describe, expect, it } from 'vitest'
import { Limits, Timeouts } from '@ccr/sdk/kernel'
import { packageRoot } from '../load/builtin.ts'
import { EntryForm, KernelConfig, ProviderConfig, WhenForm } from './schema.ts'

/** A row per key: name, default, description. */
function table(schema: TObject): string {
  const rows = Object.entries(schema.properties).map(([name, value]) => {
    const { default: standard, description = '' } = value as TSchema & { default?: unknown; description?: string }
    const required = (schema.required as readonly string[] | undefined)?.includes(name) === true
    const given = standard !== undefined ? `\`${JSON.stringify(standard)}\`` : required ? 'required' : ''
    return `| \`${name}\` | ${given} | ${description} |`
  })
  return ['| Key | Default | Meaning |', '|---|---|---|', ...rows].join('\n')
}

describe('docs/reference/config.md', () => {
  it.each<[string, TObject]>([
    ['top-level keys', KernelConfig],
    ['providers', ProviderConfig],
    ['entries', EntryForm],
    ['conditions', WhenForm],
    ['timers', Timeouts],
    ['limits', Limits],
  ])('says of the %s what their schema says', async (_, schema) => {
    expect(await readFile(join(packageRoot(), 'docs/reference/config.md'), 'utf8')).toContain(table(schema))
  })
})
