import { readdir } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { CcrError, isCcrError, messageOf } from '@ccr/sdk'
import type { BrokenPreset } from '../loaded.ts'
import { readSource, type ConfigSource } from '../source.ts'
import { checkManifest } from './manifest.ts'
import { presetNameFault } from './name.ts'
import type { PresetManifest } from './schema.ts'

/** A preset in the home, or one that comes with the installation. */
export interface InstalledPreset {
  /** That of its folder: the manifest may have another one. */
  readonly name: string
  readonly manifest: PresetManifest
  readonly source: ConfigSource
}

/** More are not looked at. */
const MAX_PRESETS = 500

/** The folder of the presets of a home. */
export function presetsFolder(home: string): string {
  return join(home, 'presets')
}

/** The manifest of a preset of a home. */
export function manifestFile(home: string, name: string): string {
  return join(presetsFolder(home), name, 'manifest.json')
}

/** The names of the folders in the presets of a home; those that begin with a dot are about to come or to go. */
export async function presetNames(home: string): Promise<readonly string[]> {
  const entries = await readdir(presetsFolder(home), { withFileTypes: true }).catch(() => [])
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name)
  return names.sort().slice(0, MAX_PRESETS)
}

/**
 * Reads the presets of a home, and what is wrong with those that cannot be read.
 *
 * @param inputs is given what decides the result
 */
export async function readInstalledPresets(
  home: string,
  inputs: Set<string>,
): Promise<{ readonly presets: readonly InstalledPreset[]; readonly broken: readonly BrokenPreset[] }> {
  inputs.add(presetsFolder(home) + sep)
  const presets: InstalledPreset[] = []
  const broken: BrokenPreset[] = []
  for (const name of await presetNames(home)) {
    try {
      presets.push(await readPreset(name, manifestFile(home, name), inputs))
    } catch (thrown) {
      broken.push(toBroken(name, thrown))
    }
  }
  return { presets, broken }
}

/**
 * Reads one preset.
 *
 * @throws CcrError `CCR_PRESET_INVALID`, `CCR_PRESET_NAME` or one of reading
 */
export async function readPreset(name: string, file: string, inputs: Set<string>): Promise<InstalledPreset> {
  const fault = presetNameFault(name)
  if (fault !== undefined) {
    const message = `the preset folder ${JSON.stringify(name)} ${fault}. Rename or delete it.`
    throw new CcrError('CCR_PRESET_NAME', message, { at: file })
  }
  const source = await readSource(file, inputs)
  if (source === undefined) {
    const message = `${file} does not exist. Install the preset again, or delete its folder and its name in extends.`
    throw new CcrError('CCR_PRESET_INVALID', message, { at: file })
  }
  return { name, manifest: checkManifest(source), source }
}

/** A preset as it is told when it cannot be used. */
export function toBroken(name: string, thrown: unknown, servedAsBefore = false): BrokenPreset {
  return { name, reason: messageOf(thrown), at: isCcrError(thrown) ? thrown.at : undefined, servedAsBefore }
}
