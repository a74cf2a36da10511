import type { ResolvedConfig } from '../config/resolve.ts'

/** What the command line said in place of the config. */
interface CommandLine {
  readonly host: string | undefined
  readonly port: number | undefined
}

/** Tells what is doubtful about a config, and what of it the running router cannot follow. */
export class ConfigWarnings {
  /** What the router was started with, by key; without what the command line decides, which a restart keeps. */
  readonly #started: ReadonlyMap<string, string | number>

  constructor({ host, port }: CommandLine, { startValues }: Pick<ResolvedConfig, 'startValues'>) {
    const given = { HOST: host, PORT: port } as Readonly<Record<string, string | number | undefined>>
    const counting = startValues.filter(({ key }) => given[key] === undefined)
    this.#started = new Map(counting.map(({ key, value }) => [key, value]))
  }

  of({ warnings, startValues }: Pick<ResolvedConfig, 'warnings' | 'startValues'>): readonly string[] {
    const waiting = startValues.filter(({ key, value }) => (this.#started.get(key) ?? value) !== value)
    return [
      ...warnings,
      ...waiting.map(({ key, value, at }) => `${at}: ${key} ${value} counts from the next \`ccr restart\`.`),
    ]
  }
}
