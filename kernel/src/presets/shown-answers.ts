import { checkAnswers } from '../config/presets/inputs.ts'
import { configKeysOf } from '../config/presets/manifest.ts'
import type { Answers } from '../config/presets/placeholders.ts'
import { renderPreset } from '../config/presets/render.ts'
import type { PresetInput, PresetManifest } from '../config/presets/schema.ts'
import { collectSecrets, hasCredentials, isSecretField } from '../config/secrets.ts'
import { fromConfig } from './answers.ts'

/**
 * A manifest with the answers in their places, to be looked at. Environment variables keep their names; an answer that
 * is secret, and one that is missing or does not fit, leaves its placeholder.
 *
 * @param written answers as the config writes them
 * @throws CcrError `CCR_PRESET_INVALID` when the answers cannot be put into it
 */
export function withShownAnswers(manifest: PresetManifest, written: Answers): PresetManifest {
  const given = Object.fromEntries(Object.entries(written).map(([id, answer]) => [id, fromConfig(answer)]))
  const { answers, missing, faults } = checkAnswers(manifest, given)
  const unknown = [...missing, ...faults.map(({ input }) => input)]
  const known = { ...answers, ...placeholders(unknown) }
  // A key is one wherever the answer was asked for as something else.
  const secrets = collectSecrets(renderPreset(manifest, known), [])
  const hidden = (manifest.schema ?? []).filter(({ id, type }) => {
    const answer = answers[id]
    if (typeof answer !== 'string') return false
    const isSecret = type === 'password' || isSecretField(id) || hasCredentials(answer, isSecretField)
    return isSecret || secrets.some((secret) => answer.includes(secret))
  })
  const rendered = [...configKeysOf(manifest), 'template', 'configMappings']
  const about = Object.fromEntries(Object.entries(manifest).filter(([key]) => !rendered.includes(key)))
  // Whatever was rendered fits where the manifest's own configuration was.
  return { ...about, ...renderPreset(manifest, { ...known, ...placeholders(hidden) }) } as PresetManifest
}

function placeholders(inputs: readonly PresetInput[]): Answers {
  return Object.fromEntries(inputs.map(({ id }) => [id, `#{${id}}`]))
}
