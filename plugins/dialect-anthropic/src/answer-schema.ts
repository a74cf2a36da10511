import { isObject, lowerSchema } from '@ccr/sdk'
import type { CanonicalRequest, JsonObject, SchemaSupport } from '@ccr/sdk'

/**
 * What the schema of an answer may hold: as much as `@anthropic-ai/sdk` leaves of one (`lib/transform-json-schema`).
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs
 */
const SUPPORTED: SchemaSupport = {
  keywords: new Set('type title description properties required items enum const anyOf default format'.split(' ')),
  nulls: 'type',
  typeLists: true,
  enums: 'any',
  formats: {
    string: ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid'],
  },
}

/** A request whose answer has a schema that this protocol takes: what it does not know is refused by name. */
export function withAnswerSchema(request: CanonicalRequest): CanonicalRequest {
  const format = request.output_config?.format as JsonObject | null | undefined
  const schema = format?.['schema']
  if (format?.['type'] !== 'json_schema' || !isObject(schema)) return request
  const fit = closed(lowerSchema(schema, SUPPORTED))
  return { ...request, output_config: { ...request.output_config, format: { ...format, schema: fit } } }
}

/** The schema with no properties but those that its objects name, as is demanded of each. */
function closed(schema: JsonObject): JsonObject {
  const { type, properties, items, anyOf } = schema
  const isOpen = type === 'object' || (Array.isArray(type) && type.includes('object'))
  return {
    ...schema,
    ...(isObject(properties) && { properties: mapValues(properties) }),
    ...(isObject(items) && { items: closed(items) }),
    ...(Array.isArray(anyOf) && { anyOf: (anyOf as readonly JsonObject[]).map(closed) }),
    ...(isOpen && { additionalProperties: false }),
  }
}

function mapValues(schemas: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, closed(schema as JsonObject)]))
}
