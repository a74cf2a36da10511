import { loadModule, toPlugin, type AdaptModule, type LoadedPlugin, type LoadFailure } from './evaluate.ts'

/** Loads the plugins of files, for one reading of the config: each file is read once. */
export class FileLoader {
  /** Asked where a file exports no plugin. */
  adapt: AdaptModule | undefined
  readonly #modules = new Map<string, ReturnType<typeof loadModule>>()

  /**
   * @param file absolute path
   * @param options those of the entry that names it
   */
  async load(file: string, options: Readonly<Record<string, unknown>>): Promise<LoadedPlugin | LoadFailure> {
    const loading = this.#modules.get(file) ?? loadModule(file)
    this.#modules.set(file, loading)
    const loaded = await loading
    return 'error' in loaded ? loaded : toPlugin(loaded, this.adapt, options)
  }
}
