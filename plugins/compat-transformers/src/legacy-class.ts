import { isObject } from '@ccr/sdk'

/** What an instance of a transformer class has, as far as it is used here; anything of it may be of any type. */
export interface LegacyTransformer {
  readonly name?: unknown
  readonly endPoint?: unknown
  readonly auth?: unknown
  readonly transformRequestIn?: unknown
  readonly transformRequestOut?: unknown
  readonly transformResponseIn?: unknown
  readonly transformResponseOut?: unknown
  logger?: unknown
}

/** A class of transformers. */
export type LegacyClass = (new (options: unknown) => LegacyTransformer) & { readonly TransformerName?: unknown }

/** What takes part for a provider. */
const PROVIDER_HOOKS = ['transformRequestIn', 'transformResponseOut'] as const
/** What an endpoint for clients is made of. */
const ENDPOINT_PARTS = ['endPoint', 'transformRequestOut', 'transformResponseIn', 'auth'] as const

/**
 * The transformer class among what a module exports: the export itself, or the only class in an object of exports.
 *
 * @throws Error when there are several
 */
export function findClass(exported: unknown): LegacyClass | undefined {
  if (isLegacyClass(exported)) return exported
  if (!isObject(exported)) return undefined
  const classes = new Map<LegacyClass, string>()
  for (const [key, value] of Object.entries(exported)) if (isLegacyClass(value)) classes.set(value, key)
  const [first] = classes.keys()
  if (classes.size <= 1) return first
  throw new Error(`it exports several classes (${[...classes.values()].join(', ')}); make one the default export`)
}

/** A function that cannot be a class is not called to find out. */
function isLegacyClass(value: unknown): value is LegacyClass {
  if (typeof value !== 'function') return false
  const { prototype } = value as { readonly prototype?: unknown }
  if (typeof prototype !== 'object' || prototype === null) return false
  if (typeof (value as { readonly TransformerName?: unknown }).TransformerName === 'string') return true
  return [...PROVIDER_HOOKS, ...ENDPOINT_PARTS].some((part) => part in prototype) || /^class\b/.test(String(value))
}

/** An instance, which may keep and change the options that it is given. */
export function createTransformer(Class: LegacyClass, options: unknown): LegacyTransformer {
  return new Class(structuredClone(options))
}

/**
 * The name by which `transformer.use` means instances of a class; nothing when they are no transformers.
 *
 * @throws Error when they are, and have no name
 */
export function nameOf(Class: LegacyClass, instance: LegacyTransformer): string | undefined {
  const hasParts = [...PROVIDER_HOOKS, ...ENDPOINT_PARTS].some((part) => instance[part] !== undefined)
  for (const name of [instance.name, Class.TransformerName])
    if (typeof name === 'string' && name.trim() !== '') return name.trim()
  if (!hasParts) return undefined
  throw new Error(`instances of ${Class.name || 'the class'} have no name; add one: name = 'my-transformer'`)
}

/** Whether a method of this name takes part; what is there and is no function is told where it would be called. */
export function hasHook(instance: LegacyTransformer, hook: (typeof PROVIDER_HOOKS)[number]): boolean {
  return instance[hook] !== undefined && instance[hook] !== null
}
