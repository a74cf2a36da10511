import { Type } from './typebox/index.ts'

/** Code of the user's own that a config section names by its path, as the kernel has loaded it. */
export interface CodeFile {
  /** Absolute path. */
  readonly file: string
  /** Changes with the code, that of the files it imports included. */
  readonly hash: string
  /** The default export of an ES module, or what a CommonJS module exports; nothing where there is a fault. */
  readonly exported: unknown
  /**
   * The config that names it, for code that reads more of it than its plugin does. `[secret]` stands in it for what is
   * secret or looks like it, and for texts from environment variables; names of providers and models are never hidden.
   */
  readonly config: Readonly<Record<string, unknown>>
  /** Why it could not be loaded, which only the start of a router lives with, and what to do. */
  readonly fault?: string | undefined
  /** Where in its files something was thrown, as `file:line:column`. */
  placeOf(thrown: unknown): string | undefined
}

/**
 * Declares a config section that names a file of code: TypeScript, an ES module or CommonJS, relative to the config
 * file. The plugin is given a {@link CodeFile}. The file, and those of its own that it imports, are watched like a
 * plugin's: a change activates the plugin anew, and code that cannot be loaded does not replace what runs. Where
 * nothing runs yet the plugin is given its fault, to say so where it would have used it.
 *
 * @param exports what it must export; code that exports anything else counts as code that cannot be loaded
 * @example
 * config: { CUSTOM_ROUTER_PATH: Type.Optional(codeFile('Module that decides where requests go.', 'function')) }
 */
export function codeFile(description: string, exports?: 'function') {
  // A path in the config, an object when it reaches the plugin.
  const anyOf = [{ type: 'string' }, { type: 'object' }]
  const title = 'the path of a file'
  return Type.Unsafe<CodeFile>({ anyOf, codeFile: true, ...(exports && { exports }), title, description })
}
