import type { Static, TSchema } from 'typebox'
import Value from 'typebox/value'

/** A value that was held against a schema. */
export interface Fitted<Schema extends TSchema> {
  /** A copy, its defaults filled in. It fits when there are no faults. */
  readonly value: Static<Schema>
  /** What is wrong, each with its JSON pointer. */
  readonly faults: readonly string[]
}

/** Fills the defaults of a schema into a copy of a value, whose functions stay the same, and says what does not fit. */
export function fitted<Schema extends TSchema>(schema: Schema, value: unknown): Fitted<Schema> {
  const copy = Value.Default(schema, Value.Clone(value))
  const errors = Value.Check(schema, copy) ? [] : [...Value.Errors(schema, copy)]
  const faults = errors.map((error) => `${error.instancePath || '/'} ${error.message}`)
  return { value: copy as Static<Schema>, faults }
}
