import { type Static, Type } from '@ccr/sdk'

/** What may stand in a header. */
const PRINTABLE = '^[\\x21-\\x7e](?:[\\x20-\\x7e]*[\\x21-\\x7e])?$'

export const AttributionOptions = Type.Object(
  {
    url: Type.String({ pattern: PRINTABLE, description: 'Address of the app that requests are told to come from.' }),
    title: Type.Optional(Type.String({ pattern: PRINTABLE, description: 'Its name.' })),
  },
  { additionalProperties: false, description: 'Shows an app in the public rankings; no field of the request.' },
)

/**
 * The headers that name an app. Source: https://openrouter.ai/docs/app-attribution, of whose two names for the title
 * other gateways know the older one.
 */
export function attributionHeaders({ url, title }: Static<typeof AttributionOptions>): Record<string, string> {
  return { 'http-referer': url, ...(title !== undefined && { 'x-title': title }) }
}
