import { Type, type Static } from '@ccr/sdk'

/** What may stand beside the names of this plugin. */
export const VertexOptions = Type.Object(
  {
    project: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9][a-z0-9.:-]*$',
        description:
          'Google Cloud project that is billed; unless given that of the URL, the environment, or the login.',
      }),
    ),
    location: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9-]+$',
        description:
          'Where the model runs: a region, `global`, `us` or `eu`; unless given as the URL or environment says.',
      }),
    ),
    client_email: Type.Optional(
      Type.String({ minLength: 1, description: 'Service account to log in as, with `private_key` beside it.' }),
    ),
    private_key: Type.Optional(
      Type.String({ minLength: 1, description: 'Its key, PEM; line ends may be written `\\n`. It is never printed.' }),
    ),
    auth: Type.Union([Type.Literal('google'), Type.Literal('api_key')], {
      default: 'google',
      description:
        '`google` logs in, and the `api_key` of the provider is unused; `api_key` sends that, to what logs in itself.',
    }),
  },
  { additionalProperties: false },
)

/** Those options, checked and with their defaults. */
export type VertexOptions = Static<typeof VertexOptions>
