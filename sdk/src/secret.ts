import { inspect } from 'node:util'

/**
 * A value that cannot be printed: it shows as `[secret]` in templates, JSON, logs and inspection.
 * Only the host reveals it, at the moment a request is sent.
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
