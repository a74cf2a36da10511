import { CcrError } from '@ccr/sdk'
import { findFault } from '../fault.ts'
import { withoutNulls } from '../plain-data.ts'
import { joinPointer } from '../pointer.ts'
import type { ConfigSource } from '../source.ts'
import { suggestion } from '../../load/nearest.ts'
import { findRefusal } from './data-only.ts'
import { isInherited, presetNameFault } from './name.ts'
import { namedIds } from './placeholders.ts'
import { MANIFEST_KEYS, PresetManifest } from './schema.ts'
import { withoutControls } from './shown-text.ts'

/** The version of the manifest format that this router reads. */
const SCHEMA_VERSION = 1

/**
 * Checks a manifest: its schema, and that it is data only.
 *
 * @param sections the config sections that installed plugins read; any is accepted unless given
 * @throws CcrError `CCR_PRESET_INVALID`, whose `at` is the place at fault
 */
export function checkManifest(source: ConfigSource, sections?: ReadonlySet<string>): PresetManifest {
  const value = withoutNullSettings(source.value)
  const refuse = (pointer: string, fact: string, remedy: string): CcrError => {
    const at = source.at(pointer)
    const message = withoutControls(`${at}: ${pointer || 'the preset'} ${fact}. ${remedy}`)
    return new CcrError('CCR_PRESET_INVALID', message, { at })
  }
  const version = value['schemaVersion']
  if (typeof version === 'number' && version > SCHEMA_VERSION) {
    const fact = `says version ${version} of the preset format, and this router reads version ${SCHEMA_VERSION}`
    throw refuse('/schemaVersion', fact, 'Update the router, or ask its author for the older form.')
  }
  if (Object.hasOwn(value, 'userValues')) {
    throw refuse('/userValues', 'holds answers', 'Remove it; your own belong into the config, as presets.<name>.')
  }
  const fault = findFault(PresetManifest, value)
  if (fault !== undefined) throw refuse(fault.pointer, fault.fact, 'Correct the value.')
  // The schema was checked above.
  const manifest = value as PresetManifest
  const nameFault = presetNameFault(manifest.name)
  if (nameFault !== undefined) throw refuse('/name', nameFault, 'Choose another name.')
  const configKeys = configKeysOf(manifest)
  const refusal = findRefusal(manifest, configKeys)
  if (refusal !== undefined) throw refuse(refusal.pointer, refusal.fact, refusal.remedy)
  const known = Object.keys(PresetManifest.properties)
  const unknown = configKeys.find((key) => !known.includes(key) && sections?.has(key) === false)
  if (unknown !== undefined) {
    const near = suggestion(unknown, [...known, ...(sections ?? [])])
    const fact = `is not a key of version ${SCHEMA_VERSION} of the preset format, and no installed plugin reads it`
    throw refuse(joinPointer('', unknown), fact, `${near.trimStart()} Correct or remove it.`.trimStart())
  }
  const inputFault = findInputFault(manifest)
  if (inputFault !== undefined) throw refuse(inputFault.pointer, inputFault.fact, 'Correct it.')
  return manifest
}

/** In what becomes config, `null` means what it means there. */
function withoutNullSettings(value: ConfigSource['value']): ConfigSource['value'] {
  const isSetting = (key: string): boolean => ['template', 'plugins'].includes(key) || !MANIFEST_KEYS.includes(key)
  const parts = Object.entries(value).map(([key, one]) =>
    isSetting(key) ? withoutNulls({ [key]: one }) : { [key]: one },
  )
  return Object.assign({}, ...parts) as ConfigSource['value']
}

/** The keys of a manifest that are configuration. */
export function configKeysOf(manifest: PresetManifest): readonly string[] {
  return Object.keys(manifest).filter((key) => !MANIFEST_KEYS.includes(key))
}

function findInputFault(manifest: PresetManifest): { readonly pointer: string; readonly fact: string } | undefined {
  const ids = new Set<string>()
  for (const [index, input] of (manifest.schema ?? []).entries()) {
    const pointer = `/schema/${index}`
    if (ids.has(input.id)) return { pointer: `${pointer}/id`, fact: `is the id of an input before it: ${input.id}` }
    ids.add(input.id)
    if (isInherited(input.id)) return { pointer: `${pointer}/id`, fact: 'is a name that every object has' }
    if (input.validator !== undefined && !isPattern(input.validator)) {
      return { pointer: `${pointer}/validator`, fact: 'is not a regular expression' }
    }
    const choice = input.type === 'select' || input.type === 'multiselect'
    if (choice && input.options === undefined) return { pointer, fact: `is a ${input.type} without options` }
  }
  for (const [index, input] of (manifest.schema ?? []).entries()) {
    for (const [place, field] of fieldsOf(input)) {
      if (!ids.has(field)) return { pointer: `/schema/${index}/${place}`, fact: `names ${field}, which is no input` }
    }
  }
  const parts = [...configKeysOf(manifest), 'template', 'configMappings']
  const named = parts.flatMap((key) => namedIds(manifest[key], `/${key}`))
  const stranger = named.find(({ id }) => !ids.has(id))
  return stranger && { pointer: stranger.pointer, fact: `names #{${stranger.id}}, which is no input` }
}

function fieldsOf({ when, dependsOn }: NonNullable<PresetManifest['schema']>[number]): [string, string][] {
  const conditions = when === undefined ? [] : Array.isArray(when) ? when : [when]
  return [
    ...conditions.map(({ field }): [string, string] => ['when', field]),
    ...(dependsOn ?? []).map((field): [string, string] => ['dependsOn', field]),
  ]
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    return false
  }
}
