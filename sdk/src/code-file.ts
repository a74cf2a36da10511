import { Type } from 'typebox'

/** Code of the user's own that a config section names by its path, as the kernel has loaded it. */
export interface CodeFile {
  /** Absolute path. */
  readonly file: string
  /** Changes with the code, that of the files it imports included. */
  readonly hash: string
  /** The default export of an ES module, or what a CommonJS module exports. */
  readonly exported: unknown
  /** Where in its files something was thrown, as `file:line:column`. */
  placeOf(thrown: unknown): string | undefined
}

/**
 * Declares a config section that names a file of code: TypeScript, an ES module or CommonJS, relative to the config
 * file. The plugin is given a {@link CodeFile}. The file, and those of its own that it imports, are watched like a
 * plugin's: a change activates the plugin anew, and code that cannot be loaded does not replace what runs.
 *
 * @example
 * config: { CUSTOM_ROUTER_PATH: Type.Optional(codeFile('Module that decides where requests go.')) }
 */
export function codeFile(description: string) {
  // A path in the config, an object when it reaches the plugin.
  return Type.Unsafe<CodeFile>({ anyOf: [{ type: 'string' }, { type: 'object' }], codeFile: true, description })
}
