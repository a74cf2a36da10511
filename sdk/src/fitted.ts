import { asDeclared } from './as-declared.ts'
import { Value, type Static, type TSchema } from './typebox/index.ts'

/** A value that was held against a schema. */
export interface Fitted<Schema extends TSchema> {
  /** A copy, its defaults filled in. It fits when there are no faults. */
  readonly value: Static<Schema>
  /** What is wrong, each with its JSON pointer. */
  readonly faults: readonly string[]
  /** JSON pointer of the first part of the value that is wrong; nothing when none is. */
  readonly place: string | undefined
}

/**
 * Fills the defaults of a schema into a copy of a value, whose functions stay the same, and says what does not fit.
 * Numbers, `true` and `false` may stand in it as text; see {@link asDeclared}.
 */
export function fitted<Schema extends TSchema>(schema: Schema, value: unknown): Fitted<Schema> {
  const said = asDeclared(schema, Value.Default(schema, Value.Clone(value)))
  // What was left empty has gone, so that its default may stand there.
  const copy = Value.Default(schema, said)
  const errors = Value.Check(schema, copy) ? [] : [...Value.Errors(schema, copy)]
  // An unknown key is told by itself, and again by what holds it, which does not name it.
  const told = errors.filter(({ keyword }) => keyword !== 'additionalProperties' || !errors.some(isUnknownKey))
  const faults = told.map((error) => `${error.instancePath || '/'} ${factOf(error)}`)
  const inside = told.find(({ instancePath }) => instancePath !== '') ?? told[0]
  return { value: copy as Static<Schema>, faults: [...new Set(faults)], place: inside?.instancePath }
}

type Fault = ReturnType<typeof Value.Errors>[number]

function isUnknownKey({ keyword }: Fault): boolean {
  return keyword === 'boolean'
}

function factOf(error: Fault): string {
  return isUnknownKey(error) ? 'is not a known key' : error.message
}
