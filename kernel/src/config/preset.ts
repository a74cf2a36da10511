import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { Type, Value, type Static } from '@ccr/sdk/typebox'
import { packageRoot } from '../load/builtin.ts'

/** A preset of the installation: data only. */
export const Preset = Type.Object(
  {
    name: Type.String(),
    description: Type.String(),
    /** Dialect of a provider that names none. */
    dialect: Type.String(),
    plugins: Type.Array(Type.String(), { description: 'Built-in plugins, in the order of their entries.' }),
  },
  { additionalProperties: false },
)
export type Preset = Static<typeof Preset>

/**
 * Reads the preset that every router starts with.
 *
 * @param inputs is given the absolute path of its manifest
 * @throws CcrError `CCR_CONFIG_READ` when the installation is damaged
 */
export async function readDefaultPreset(root = packageRoot(), inputs = new Set<string>()): Promise<Preset> {
  const file = join(root, 'presets', 'default', 'manifest.json')
  inputs.add(file)
  try {
    const preset: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (Value.Check(Preset, preset)) return preset
    throw new Error('it does not fit the schema of presets')
  } catch (thrown) {
    const message = `${file} cannot be used: ${messageOf(thrown)}. Install the router again.`
    throw new CcrError('CCR_CONFIG_READ', message, { at: file, cause: thrown })
  }
}
