import type { VariableUse } from './interpolate.ts'

/** A preset that cannot be used as it is. */
export interface BrokenPreset {
  readonly name: string
  readonly reason: string
  /** `file:line:column`. */
  readonly at: string | undefined
  /** It is served as it was before; else it is left out. */
  readonly servedAsBefore: boolean
}

/** A config as it was read: merged, its variables filled in, the kernel's own keys checked. */
export interface LoadedConfig {
  readonly home: string
  /** The files that were read; empty when there was none. */
  readonly files: readonly string[]
  readonly value: Readonly<Record<string, unknown>>
  /** The same as it is written: with its variables, and without the presets that it extends. */
  readonly written: Readonly<Record<string, unknown>>
  readonly variables: readonly VariableUse[]
  /** Top-level keys that code sets, so that no command can change them. */
  readonly locked: readonly string[]
  /** Presets that it extends and that cannot be used. */
  readonly brokenPresets?: readonly BrokenPreset[] | undefined
  /** Values of presets that must not leave the router. */
  readonly secrets?: readonly string[] | undefined
  /** `file:line:column` of the value at a JSON pointer, or of what is nearest to it; the file alone for code. */
  at(pointer: string): string
  /** The file in which the value at a JSON pointer stands. */
  fileOf(pointer: string): string
}
