import { lowerToolSchema } from '@ccr/sdk'
import type { CanonicalRequest, JsonObject, SchemaSupport, Tool } from '@ccr/sdk'

/** All that JSON Schema has, but for references and `allOf`, which could not be merged into one object. */
const MERGED: SchemaSupport = {
  keywords: new Set(
    `type title description properties required additionalProperties propertyNames patternProperties minProperties
     maxProperties dependentRequired dependentSchemas items prefixItems contains minItems maxItems uniqueItems enum
     const default examples format pattern minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum
     multipleOf anyOf oneOf not if then else deprecated readOnly writeOnly`.split(/\s+/),
  ),
  nulls: 'type',
  typeLists: true,
  enums: 'any',
}

/**
 * The tools of a request with schemas as this protocol demands them: of an object, and without a union at the root. One
 * that is strict by the rules of another protocol may not be so by these, under which fewer keywords are taken.
 */
export function withObjectSchemas(request: CanonicalRequest): CanonicalRequest {
  const tools = request.tools?.map(fitTool)
  return tools?.some((tool, index) => tool !== request.tools?.[index]) ? { ...request, tools } : request
}

function fitTool(tool: Tool): Tool {
  // Server tools have no schema.
  if (tool.type && tool.type !== 'custom') return tool
  const { strict, ...rest } = tool
  const input_schema = fitSchema(tool.input_schema)
  return input_schema === tool.input_schema && strict === undefined ? tool : { ...rest, input_schema }
}

/** Source: the API's refusals, "input_schema.type: Field required" and "does not support oneOf, allOf, or anyOf". */
function fitSchema(schema: JsonObject | undefined): JsonObject {
  if (!schema) return { type: 'object', properties: {} }
  if (['anyOf', 'oneOf', 'allOf'].some((keyword) => keyword in schema)) return lowerToolSchema(schema, MERGED)
  return schema['type'] === 'object' ? schema : { ...schema, type: 'object' }
}
