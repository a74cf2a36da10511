/** Appends one key to a JSON pointer. Source: RFC 6901. */
export function joinPointer(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** The keys of a JSON pointer, outermost first. */
export function splitPointer(pointer: string): readonly string[] {
  return pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Whether a pointer names this value or one inside it. */
export function isWithin(pointer: string, outer: string): boolean {
  return pointer === outer || pointer.startsWith(`${outer}/`)
}

/** Whether a value has something at a pointer. */
export function hasPointer(value: unknown, pointer: string): boolean {
  let current = value
  for (const key of splitPointer(pointer)) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return false
    current = (current as Readonly<Record<string, unknown>>)[key]
  }
  return true
}
