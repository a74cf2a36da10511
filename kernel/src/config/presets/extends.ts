import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { writtenKey } from '../aliases.ts'
import { packageRoot } from '../../load/builtin.ts'
import { isPlainObject, merge } from '../plain-data.ts'
import { hasPointer, splitPointer } from '../pointer.ts'
import type { BrokenPreset, LoadedConfig } from '../loaded.ts'
import { manifestFile, readPreset, toBroken } from './installed.ts'
import { preparePreset, type PreparedPreset } from './prepared.ts'

type Config = Readonly<Record<string, unknown>>

/**
 * Puts the presets that a config extends beneath it: objects are merged key by key, and of what both say the config
 * counts; of `Providers` those whose names are new are added; anything else is replaced whole. Of two presets the later
 * one lies above. Their plugins are those of the config. One that cannot be used is left out.
 *
 * @param inputs is given the absolute paths of the files that decide the result
 */
export async function withExtends(loaded: LoadedConfig, inputs: Set<string>): Promise<LoadedConfig> {
  const names = (loaded.value['extends'] ?? []) as readonly string[]
  const broken: BrokenPreset[] = []
  let extended = loaded
  for (const name of names.toReversed()) {
    try {
      const preset = await readPreset(name, fileOf(loaded.home, name), inputs)
      extended = beneath(extended, preparePreset(preset, loaded))
    } catch (thrown) {
      broken.push(toBroken(name, thrown))
    }
  }
  return { ...extended, brokenPresets: broken }
}

/** A preset of the home goes before one that comes with the installation. */
function fileOf(home: string, name: string): string {
  const own = manifestFile(home, name)
  const bundled = join(packageRoot(), 'presets', name, 'manifest.json')
  return !existsSync(own) && /^[\w-]+$/.test(name) && existsSync(bundled) ? bundled : own
}

function beneath(loaded: LoadedConfig, preset: PreparedPreset): LoadedConfig {
  const providersKey = writtenKey(loaded.value, 'Providers')
  const { Providers: offered, ...rest } = preset.config
  const own = listOf(loaded.value[providersKey])
  const added = listOf(offered)
    .map((item, index) => ({ item, index }))
    .filter(({ item }) => !own.some((other) => nameOf(other) === nameOf(item)))
  const value: Config = {
    ...merge(rest, loaded.value),
    // Behind those of the config, so that their places stay what they were.
    ...(added.length > 0 && { [providersKey]: [...own, ...added.map(({ item }) => item)] }),
  }
  const placeInPreset = (pointer: string): string | undefined => {
    if (hasPointer(loaded.value, pointer)) return undefined
    const [key, index, ...inner] = splitPointer(pointer)
    if (key !== providersKey) return hasPointer(preset.config, pointer) ? pointer : undefined
    const provider = added[Number(index) - own.length]
    return provider && ['/Providers', provider.index, ...inner].join('/')
  }
  return {
    ...loaded,
    value,
    secrets: [...(loaded.secrets ?? []), ...preset.secrets],
    at: (pointer) => {
      const place = placeInPreset(pointer)
      return place === undefined ? loaded.at(pointer) : preset.at(place)
    },
    fileOf: (pointer) => (placeInPreset(pointer) === undefined ? loaded.fileOf(pointer) : preset.file),
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function nameOf(provider: unknown): unknown {
  return isPlainObject(provider) ? provider['name'] : undefined
}
