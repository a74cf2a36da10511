/** Beyond this depth JSON.stringify goes on, which also finds circles. */
const DEPTH = 4
/** What JSON does not write as it is. */
const ESCAPED = /[^ !#-[\]-~]/

/**
 * The members of a JSON object, each after a comma, as JSON.stringify would write them; undefined ones are left out.
 * Short lines of plain words and numbers take half the time that JSON.stringify takes for them.
 */
export function membersOf(fields: object): string {
  return written(fields, ',', DEPTH)
}

function written(fields: object, first: string, depth: number): string {
  const members = fields as Readonly<Record<string, unknown>>
  let text = ''
  for (const key of Object.keys(members)) {
    const value = members[key]
    if (value === undefined) continue
    text += `${text === '' ? first : ','}"${ESCAPED.test(key) ? JSON.stringify(key).slice(1, -1) : key}":`
    text += jsonOf(value, depth)
  }
  return text
}

function jsonOf(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return ESCAPED.test(value) ? JSON.stringify(value) : `"${value}"`
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null'
    case 'boolean':
      return value ? 'true' : 'false'
    default:
      return isPlain(value) && depth > 0 ? structure(value, depth - 1) : (JSON.stringify(value) ?? 'null')
  }
}

function structure(value: object, depth: number): string {
  if (!Array.isArray(value)) return `{${written(value, '', depth)}}`
  let text = ''
  for (const item of value) text += `${text === '' ? '' : ','}${item === undefined ? 'null' : jsonOf(item, depth)}`
  return `[${text}]`
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === Array.prototype) && !('toJSON' in value)
}
