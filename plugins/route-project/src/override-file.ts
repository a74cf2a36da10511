import { readFile, stat } from 'node:fs/promises'
import { asDeclared, isObject, messageOf, RouterConfig } from '@ccr/sdk'

/** How long a file is taken for unchanged, in milliseconds. */
const FRESH_MS = 1_000
const FILES = 1_000
const LARGEST_BYTES = 256 * 1024

/** What a file of overrides says. */
export interface Override {
  /** Its `Router`, unchecked but for numbers, `true` and `false` that it says as text. */
  readonly router: Readonly<Record<string, unknown>>
  /** What else stands in it, or why it cannot be used. */
  readonly faults: readonly string[]
}

interface Known {
  readonly signature: string
  readonly at: number
  readonly override: Override | undefined
}

/** Reads files of overrides, each at most once a second and again only when it is another one. */
export class OverrideFiles {
  readonly #known = new Map<string, Known>()
  readonly #now: () => number

  /** @param now milliseconds of a clock that only moves forward */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Nothing where there is no such file; at once within a second of the last time. */
  read(file: string): Override | undefined | Promise<Override | undefined> {
    const known = this.#known.get(file)
    const at = this.#now()
    return known && at - known.at < FRESH_MS ? known.override : this.#reread(file, known, at)
  }

  async #reread(file: string, known: Known | undefined, at: number): Promise<Override | undefined> {
    const signature = await signatureOf(file)
    const override = known?.signature === signature ? known.override : await load(file, signature)
    this.#known.delete(file)
    this.#known.set(file, { signature, at, override })
    if (this.#known.size > FILES) this.#known.delete(this.#known.keys().next().value!)
    return override
  }
}

const ABSENT = ''
const NO_FILE = 'no file'
const TOO_LARGE = 'too large'

async function signatureOf(file: string): Promise<string> {
  try {
    const found = await stat(file, { bigint: true })
    // Reading a pipe would wait for its writer, and one of a device never end.
    if (!found.isFile()) return NO_FILE
    const { ino, size, mtimeNs } = found
    return size > LARGEST_BYTES ? TOO_LARGE : `${ino} ${size} ${mtimeNs}`
  } catch {
    return ABSENT
  }
}

async function load(file: string, signature: string): Promise<Override | undefined> {
  if (signature === ABSENT) return undefined
  const useless = (fact: string): Override => ({ router: {}, faults: [`${file} ${fact}`] })
  if (signature === NO_FILE) return useless('is no file')
  if (signature === TOO_LARGE) return useless(`is larger than ${LARGEST_BYTES} bytes`)
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (!isObject(value)) return useless('holds no JSON object')
    const { Router, ...others } = value
    const faults = Object.keys(others).map((key) => `${file} says ${key}, which only the config may say`)
    if (Router === undefined) return { router: {}, faults }
    return isObject(Router)
      ? { router: asDeclared(RouterConfig, Router) as typeof Router, faults }
      : { router: {}, faults: [...faults, `${file}: Router is no object`] }
  } catch (thrown) {
    return useless(`cannot be read: ${messageOf(thrown)}`)
  }
}
