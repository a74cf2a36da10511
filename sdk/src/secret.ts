import { inspect } from 'node:util'

/**
 * A value that cannot be printed: it shows as `[secret]` in templates, JSON, logs and inspection.
 * Only the kernel reveals it: as a credential when a request is sent, or where the router itself needs its value.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The plain value. Never pass it to a log, an error or a file. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
