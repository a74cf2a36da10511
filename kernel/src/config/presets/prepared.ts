import { CcrError } from '@ccr/sdk'
import { missingVariables } from '../check.ts'
import { findFault } from '../fault.ts'
import { isPlainObject } from '../plain-data.ts'
import { joinPointer, splitPointer } from '../pointer.ts'
import type { LoadedConfig } from '../loaded.ts'
import { CLIENT_CREDENTIALS } from '../providers.ts'
import { KernelConfig } from '../schema.ts'
import { collectSecrets } from '../secrets.ts'
import { checkAnswers } from './inputs.ts'
import type { InstalledPreset } from './installed.ts'
import type { Answers } from './placeholders.ts'
import { renderPreset, usesTemplate, type RenderedPreset } from './render.ts'
import type { PresetManifest } from './schema.ts'

/** A preset, filled with the answers of the config. */
export interface PreparedPreset {
  readonly name: string
  readonly file: string
  readonly config: RenderedPreset
  /** Values that must not leave the router. */
  readonly secrets: readonly string[]
  /** `file:line:column` in the manifest of what stands at a JSON pointer of {@link config}. */
  at(pointer: string): string
}

/** The answers to the inputs of a preset, which stand under `presets.<name>` of the config. */
export function answersIn(config: Readonly<Record<string, unknown>>, name: string): Answers {
  const { presets } = config
  const answers = isPlainObject(presets) && Object.hasOwn(presets, name) ? presets[name] : undefined
  return isPlainObject(answers) ? answers : {}
}

/**
 * Fills a preset with the answers of a config.
 *
 * @throws CcrError `CCR_PRESET_INPUT` or `CCR_PRESET_INVALID`
 */
export function preparePreset({ name, manifest, source }: InstalledPreset, loaded: LoadedConfig): PreparedPreset {
  const place = joinPointer('/presets', name)
  const unset = missingVariables(loaded, place)
  if (unset.length > 0) {
    const message = `${place} names ${unset.join(', ')}, which is not set.`
    const remedy = 'Set it and restart; a literal dollar is written $$.'
    throw new CcrError('CCR_PRESET_INPUT', `${message} ${remedy}`, { at: loaded.at(place) })
  }
  const { answers, missing, faults } = checkAnswers(manifest, answersIn(loaded.value, name))
  const [fault] = faults
  if (fault !== undefined) {
    const pointer = joinPointer(place, fault.input.id)
    const message = `${loaded.at(pointer)}: ${pointer} ${fault.fact}. Correct the answer.`
    throw new CcrError('CCR_PRESET_INPUT', message, { at: loaded.at(pointer) })
  }
  if (missing.length > 0) {
    const ids = missing.map(({ id }) => id).join(', ')
    const command = `ccr preset install ${name} --input ${missing[0]!.id}=…`
    const remedy = `Answer with \`${command}\`, or at ${place} in the config.`
    throw new CcrError('CCR_PRESET_INPUT', `the preset ${name} has no answer for ${ids}. ${remedy}`, {
      at: source.file,
    })
  }
  const config = renderPreset(manifest, answers)
  const prefix = usesTemplate(manifest, answers) ? '/template' : ''
  const at = (pointer: string): string => source.at(prefix + pointer)
  const kernelFault = findFault(KernelConfig, config)
  if (kernelFault !== undefined) {
    const { pointer, fact } = kernelFault
    const message = `${at(pointer)}: ${pointer} of the preset ${name} ${fact}. Correct the manifest or the answers.`
    throw new CcrError('CCR_PRESET_INVALID', message, { at: at(pointer) })
  }
  checkClientCredentials(name, manifest, answers, config, at)
  const asked = (manifest.schema ?? []).flatMap(({ id, type }) => {
    const answer = type === 'password' ? answers[id] : undefined
    return typeof answer === 'string' ? [answer] : []
  })
  return {
    name,
    file: source.file,
    config,
    // A key is one wherever the answer was asked for as something else.
    secrets: [...new Set([...asked, ...collectSecrets(config, [])])],
    at,
  }
}

/** The configuration of a preset as far as the answers of a config are known and fit. */
export function fillPreset({ name, manifest }: InstalledPreset, { value }: LoadedConfig): RenderedPreset {
  return renderPreset(manifest, checkAnswers(manifest, answersIn(value, name)).answers)
}

/** A client's own credentials go only where whoever installed the preset said so in so many words. */
function checkClientCredentials(
  name: string,
  { schema = [] }: PresetManifest,
  answers: Answers,
  config: RenderedPreset,
  at: (pointer: string) => string,
): void {
  const providers: readonly unknown[] = Array.isArray(config['Providers']) ? config['Providers'] : []
  const index = providers.findIndex((one) => isPlainObject(one) && one['api_key'] === CLIENT_CREDENTIALS)
  const isTold = schema.some(
    ({ id, options, defaultValue }) =>
      options === undefined && defaultValue === undefined && answers[id] === CLIENT_CREDENTIALS,
  )
  if (index < 0 || isTold) return
  const place = at(`/Providers/${index}/api_key`)
  const message = `${place}: the preset ${name} would take the credentials of every client, which nobody told it to do.`
  throw new CcrError('CCR_PRESET_INVALID', `${message} Ask its author for another one.`, { at: place })
}

/** The first key of a pointer. */
export function topKey(pointer: string): string | undefined {
  return splitPointer(pointer)[0]
}
