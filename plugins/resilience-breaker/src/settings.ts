import { Type, type Static } from '@ccr/sdk'

/** `Router.health`: when a target is left alone, and for how long. */
export const HealthSettings = Type.Object(
  {
    failureThreshold: Type.Integer({
      default: 3,
      minimum: 1,
      description: 'Failures in a row after which a target is left alone.',
    }),
    openSeconds: Type.Number({
      default: 300,
      minimum: 1,
      description:
        'Seconds for which it is left alone before one request tries it; doubled with each trial that fails.',
    }),
    maxOpenSeconds: Type.Number({
      default: 1800,
      minimum: 1,
      description: 'Most seconds of that, and of a `retry-after` that is heeded.',
    }),
    halfOpenSuccesses: Type.Integer({
      default: 2,
      minimum: 1,
      description: 'Trials in a row that must succeed before it is used as before.',
    }),
    cooldownSeconds: Type.Number({
      default: 60,
      minimum: 1,
      description: 'Seconds for which a target is left alone that says 429 or 529 without a `retry-after`.',
    }),
  },
  { additionalProperties: false },
)
export type HealthSettings = Static<typeof HealthSettings>

/** What holds without any `Router.health`. */
export const USUAL: HealthSettings = {
  failureThreshold: 3,
  openSeconds: 300,
  maxOpenSeconds: 1800,
  halfOpenSuccesses: 2,
  cooldownSeconds: 60,
}
