import { declaredKeys } from '../declared-keys.ts'
import { withoutNulls } from '../plain-data.ts'
import { configKeysOf } from './manifest.ts'
import { holds } from './inputs.ts'
import { parsePlace, withValueAt } from './places.ts'
import { answerOf, createRoom, fillPlaceholders, wholePlaceholder, type Answers, type Room } from './placeholders.ts'
import type { PresetManifest } from './schema.ts'

/** The configuration that a preset stands for with these answers. */
export type RenderedPreset = Readonly<Record<string, unknown>>

/**
 * Fills a preset with answers: its template where it has one, else its own configuration; then the mappings whose
 * conditions hold, in order; then the answers whose id is a place itself, such as `Providers[0].api_key`. A template
 * that nothing was answered for yields to the manifest's own configuration.
 */
export function renderPreset(manifest: PresetManifest, answers: Answers): RenderedPreset {
  const ids = new Set((manifest.schema ?? []).map(({ id }) => id))
  const room = createRoom()
  let config: unknown = fillPlaceholders(baseOf(manifest, answers), answers, ids, room)
  for (const { target, value, when } of manifest.configMappings ?? []) {
    const keys = parsePlace(target)
    if (keys === undefined || !holds(when, answers)) continue
    config = withValueAt(config, keys, mappedValue(value, answers, ids, room))
  }
  for (const id of Object.keys(answers)) {
    const keys = /[.[]/.test(id) ? parsePlace(id) : undefined
    if (keys !== undefined) config = withValueAt(config, keys, answers[id])
  }
  return declaredKeys(withoutNulls(config as RenderedPreset))
}

/** Whether the configuration of a preset comes from its template. */
export function usesTemplate(manifest: PresetManifest, answers: Answers): boolean {
  if (manifest.template === undefined) return false
  return Object.keys(answers).length > 0 || configKeysOf(manifest).length === 0
}

function baseOf(manifest: PresetManifest, answers: Answers): Readonly<Record<string, unknown>> {
  if (usesTemplate(manifest, answers)) return manifest.template ?? {}
  return Object.fromEntries(configKeysOf(manifest).map((key) => [key, manifest[key]]))
}

/** A value that is one placeholder and nothing else keeps the type of the answer. */
function mappedValue(value: unknown, answers: Answers, ids: ReadonlySet<string>, room: Room): unknown {
  const id = wholePlaceholder(value)
  if (id === undefined || !ids.has(id)) return fillPlaceholders(value, answers, ids, room)
  return answerOf(answers, id) ?? ''
}
