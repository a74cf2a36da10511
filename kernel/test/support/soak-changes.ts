import { dependencyText, markerText, type BrokenCode } from './soak-plugins.ts'
import type { Save, World, WorldState } from './soak-world.ts'

/** What of the files is changed. */
export const EDITS = ['code', 'option', 'dependency', 'section', 'provider'] as const
export type Edit = (typeof EDITS)[number]

/** Changes that must not be taken, and the code of the fault that each is reported with. */
export const FAULTS = {
  syntax: 'CCR_PLUGIN_LOAD',
  throw: 'CCR_PLUGIN_ACTIVATE',
  hang: 'CCR_PLUGIN_ACTIVATE',
  options: 'CCR_PLUGIN_OPTIONS',
  service: 'CCR_PLUGIN_SERVICE',
  cycle: 'CCR_PLUGIN_CYCLE',
} as const
export type FaultKind = keyof typeof FAULTS
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[]

/** One change in the course of a soak. */
export interface Change {
  readonly number: number
  readonly edit: Edit
  readonly fault: FaultKind | undefined
  /** Nobody asks for a reload. */
  readonly watched: boolean
  readonly save: Save
}

/** The change of this number, from 1: a mixture that repeats after 180 changes. */
export function changeAt(number: number): Change {
  const broken = number % 9 === 0
  return {
    number,
    edit: EDITS[number % EDITS.length]!,
    fault: broken ? FAULT_KINDS[(number / 9) % FAULT_KINDS.length] : undefined,
    watched: number % 4 === 3,
    save: number % 2 === 0 ? 'in place' : 'renamed',
  }
}

/** What the files say after a change that is taken. */
export function stateAfter(state: WorldState, { edit, number }: Change): WorldState {
  switch (edit) {
    case 'code':
      return { ...state, code: number }
    case 'dependency':
      return { ...state, dependency: number }
    case 'option':
      return { ...state, label: number }
    case 'section':
      return { ...state, section: number }
    case 'provider':
      return { ...state, section: number, provider: state.provider === 'first' ? 'second' : 'first' }
  }
}

/** Makes a change that is to be taken; each is one file, so that nobody ever sees half of it. */
export function makeChange(world: World, after: WorldState, { edit, save }: Change): void {
  if (edit === 'code') world.save('marker.ts', markerText(after.code), save)
  else if (edit === 'dependency') world.save('dependency.ts', dependencyText(after.dependency), save)
  else world.saveConfig(world.configOf(after), save)
}

/** Makes a change that is not to be taken; its mark is that of a version that must never answer. */
export function breakFiles(world: World, state: WorldState, fault: FaultKind, { number, save }: Change): void {
  const config = world.configOf(state)
  const marker = config.plugins.find(({ id }) => id === 'marker')!
  if (fault === 'options') marker.options = { label: 'text' }
  else if (fault === 'cycle') {
    marker.before = ['companion']
    marker.after = ['companion']
  } else return world.save('marker.ts', markerText(number, fault satisfies BrokenCode), save)
  world.saveConfig(config, save)
}

/** Takes such a change back. */
export function mendFiles(world: World, state: WorldState, fault: FaultKind, { save }: Change): void {
  if (fault === 'options' || fault === 'cycle') world.saveConfig(world.configOf(state), save)
  else world.save('marker.ts', markerText(state.code), save)
}
