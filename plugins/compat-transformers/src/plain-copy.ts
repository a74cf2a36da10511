/**
 * A copy of a value as JSON has it, of which nothing is shared: what JSON does not know is left out.
 *
 * @param isLeftOut leaves out further members of objects
 */
export function plainCopy(
  value: unknown,
  isLeftOut?: (holder: object, key: string, value: unknown) => boolean,
): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : null
    case 'object':
      break
    case 'bigint':
      throw new TypeError('a body holds a bigint, which JSON does not know')
    default:
      return undefined
  }
  if (value === null) return null
  if (Array.isArray(value)) return value.map((item) => plainCopy(item, isLeftOut) ?? null)
  const { toJSON } = value as { readonly toJSON?: unknown }
  // Objects as they are read from JSON may have one too, which only their own writer asks.
  if (typeof toJSON === 'function' && !isPlain(value)) return plainCopy(Reflect.apply(toJSON, value, []), isLeftOut)
  const copy: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) {
    if (isLeftOut?.(value, key, member)) continue
    const inner = plainCopy(member, isLeftOut)
    if (inner === undefined) continue
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value: inner, enumerable: true, configurable: true, writable: true })
    else copy[key] = inner
  }
  return copy
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
