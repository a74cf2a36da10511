import { isObject } from '@ccr/sdk'

interface Tooled {
  readonly tools?: readonly unknown[] | undefined
}

/** Keywords whose values are data, in which a key is no keyword. */
const DATA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'example', 'examples'])

/** The body without `$schema` inside of the schemas of its tools; what has none stays the very same. */
export function withPlainSchemas<Body extends Tooled>(body: Body): Body {
  const tools = body.tools && mapped(body.tools, withPlainParameters)
  return tools === body.tools ? body : { ...body, tools }
}

function withPlainParameters(tool: unknown): unknown {
  const made = isObject(tool) ? tool['function'] : undefined
  if (!isObject(made)) return tool
  const parameters = plain(made['parameters'])
  return parameters === made['parameters'] ? tool : { ...(tool as object), function: { ...made, parameters } }
}

/** A property may have that name too; what it says is no text then. */
function plain(schema: unknown): unknown {
  if (Array.isArray(schema)) return mapped(schema, plain)
  if (!isObject(schema)) return schema
  let changed = false
  const entries: [string, unknown][] = []
  for (const [key, value] of Object.entries(schema)) {
    const dropped = key === '$schema' && typeof value === 'string'
    const kept = dropped || DATA.has(key) ? value : plain(value)
    changed ||= dropped || kept !== value
    if (!dropped) entries.push([key, kept])
  }
  return changed ? Object.fromEntries(entries) : schema
}

/** The list with every item mapped; the very same where none changes. */
function mapped(list: readonly unknown[], map: (item: unknown) => unknown): readonly unknown[] {
  const made = list.map(map)
  return made.every((item, index) => item === list[index]) ? list : made
}
