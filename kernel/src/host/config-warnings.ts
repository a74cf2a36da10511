import type { Assembly } from '../config/assemble.ts'
import { contributionsTo, type Generation } from '../core/generation.ts'
import { suggestion } from '../load/nearest.ts'
import { absenceOf } from './absence.ts'

/** What the command line said in place of the config. */
interface CommandLine {
  readonly host: string | undefined
  readonly port: number | undefined
}

/** Tells what is doubtful about a config, and what of it the running router cannot follow. */
export class ConfigWarnings {
  /** What the router was started with, by key; without what the command line decides, which a restart keeps. */
  readonly #started: ReadonlyMap<string, string | number>

  constructor({ host, port }: CommandLine, { config }: Assembly) {
    const given = { HOST: host, PORT: port } as Readonly<Record<string, string | number | undefined>>
    const counting = config.startValues.filter(({ key }) => given[key] === undefined)
    this.#started = new Map(counting.map(({ key, value }) => [key, value]))
  }

  /** @param generation what was built from it */
  of(assembly: Assembly, generation: Generation | undefined): readonly string[] {
    const { warnings, startValues } = assembly.config
    const waiting = startValues.filter(({ key, value }) => (this.#started.get(key) ?? value) !== value)
    return [
      ...warnings,
      ...new Set([...absentProviders(assembly, generation), ...doubtsOf(generation)]),
      ...waiting.map(({ key, value, at }) => `${at}: ${key} ${value} counts from the next \`ccr restart\`.`),
    ]
  }
}

/** What plugins find doubtful in the config that they read; what they contribute may be anything. */
function doubtsOf(generation: Generation | undefined): readonly string[] {
  return contributionsTo(generation?.instances ?? [], 'warnings').flatMap(
    ({ owner, value }: { owner: string; value: unknown }) => (typeof value === 'string' ? `${owner}: ${value}` : []),
  )
}

/** Providers that the config names and that are not there; those that were left out are told of by themselves. */
function absentProviders({ config, namedProviders }: Assembly, generation: Generation | undefined): readonly string[] {
  return namedProviders.flatMap(({ profile, name, pointer, at, switchedOff }) => {
    const names = generation?.profiles.get(profile)?.providerList.map((provider) => provider.name)
    if (names === undefined || names.some((one) => one.toLowerCase() === name.toLowerCase())) return []
    if (absenceOf({ provider: name }, config, generation) !== undefined) return []
    const fact = switchedOff ? 'switched off' : 'neither configured nor contributed by a plugin'
    return [`${at}: ${pointer} names the provider '${name}', which is ${fact}.${suggestion(name, names)}`]
  })
}
