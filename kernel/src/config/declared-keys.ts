import { asDeclared } from '@ccr/sdk'
import { Type } from '@ccr/sdk/typebox'
import { EntryForm, KernelConfig, LegacyEntryForm, ProviderConfig } from './schema.ts'

const Providers = Type.Array(ProviderConfig)
const Plugins = Type.Array(Type.Union([EntryForm, LegacyEntryForm]))
const Lists = { Providers, providers: Providers, plugins: Plugins, Plugins }

/** All that the kernel reads of a config; how an item of a list is checked is said where it is resolved. */
const Declared = Type.Object({
  ...KernelConfig.properties,
  ...Lists,
  profiles: Type.Record(Type.String(), Type.Object(Lists)),
})

/** A config whose keys of the kernel that want a number, `true` or `false` may be these as text. */
export function declaredKeys(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  // Of an object it makes an object.
  return asDeclared(Declared, config) as Readonly<Record<string, unknown>>
}
