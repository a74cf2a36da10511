import { join } from 'node:path'
import { andThen, type Exchange, type PassedOver, type ProjectService, type RouterConfig } from '@ccr/sdk'
import { mergeRoutes, type Layer, type Merged } from './merge.ts'
import { OverrideFiles, type Override } from './override-file.ts'
import { isSafeSessionId, ProjectFolders } from './project-folder.ts'

/** Where projects and sessions keep what they say. */
export interface ProjectPlaces {
  /** The router's home, with a folder for each project. */
  readonly home: string
  /** The client's folder of projects, which also tells which project a session is of. */
  readonly projects: string
}

type MaybeMerged = Merged | undefined | Promise<Merged | undefined>

/** Reads what the project and the session of an exchange say, once for each exchange. */
export class Projects implements ProjectService {
  readonly #router: RouterConfig
  readonly #places: ProjectPlaces
  readonly #folders: ProjectFolders
  readonly #files: OverrideFiles
  readonly #key = Symbol('project routes')

  /** @param now milliseconds of a clock that only moves forward */
  constructor(router: RouterConfig, places: ProjectPlaces, now: () => number) {
    this.#router = router
    this.#places = places
    this.#folders = new ProjectFolders(places.projects, now)
    this.#files = new OverrideFiles(now)
  }

  routesFor(exchange: Exchange): MaybeMerged {
    const { locals } = exchange
    const known = locals[this.#key] as { readonly merged: MaybeMerged } | undefined
    if (known) return known.merged
    const merged = this.#find(exchange)
    locals[this.#key] = { merged }
    return merged
  }

  #find(exchange: Exchange): MaybeMerged {
    const { sessionId } = exchange.client
    if (!isSafeSessionId(sessionId)) return undefined
    const folder = this.#folders.folderOf(sessionId)
    return andThen(folder, (name) => (name === undefined ? undefined : this.#read(sessionId, name, exchange)))
  }

  #read(sessionId: string, folder: string, { providers }: Exchange): MaybeMerged {
    const { home, projects } = this.#places
    const places = [
      { origin: 'project', file: join(projects, folder, 'claude-code-router.json') },
      { origin: 'project', file: join(home, folder, 'config.json') },
      { origin: 'session', file: join(home, folder, `${sessionId}.json`) },
    ] as const
    const found = places.map(({ file }) => this.#files.read(file))
    const areKnown = (all: typeof found): all is (Override | undefined)[] => !all.some((one) => one instanceof Promise)
    return andThen(areKnown(found) ? found : Promise.all(found), (overrides) => {
      const layers: Layer[] = []
      const faults: PassedOver[] = []
      for (const [index, { origin }] of places.entries()) {
        const override = overrides[index]
        if (!override) continue
        layers.push({ origin, router: override.router })
        faults.push(...override.faults.map((reason) => ({ rule: origin, reason, unmatched: true })))
      }
      if (layers.length === 0) return undefined
      const merged = mergeRoutes(this.#router, layers, providers)
      return { ...merged, refused: [...faults, ...merged.refused] }
    })
  }
}
