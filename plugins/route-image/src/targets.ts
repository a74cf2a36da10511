import { andThen, findTarget, nameRule, writtenRoute } from '@ccr/sdk'
import type { Exchange, ProjectRoutes, ProjectService, RouterConfig, Target } from '@ccr/sdk'

/** Where images go for one exchange, and which models look at images for others. */
export interface ImageTargets {
  /** Where images of this exchange go; a text says why there is nowhere. Nothing where none is configured. */
  readonly target: Target | string | undefined
  /** The rule that says so, such as `Router.image`. */
  readonly rule: string
  /** Whether a target is one that images are sent to, so that nobody else has to look at them for it. */
  isImageModel(target: Target): boolean
}

/** Finds the image targets of an exchange for the family that was decided for; at once, unless projects are read. */
export type FindImageTargets = (exchange: Exchange, family: string | undefined) => ImageTargets | Promise<ImageTargets>

/** Finds where the images of exchanges go: the image route of the family that was decided for, or else of `Router`. */
export function createImageTargets(router: RouterConfig, projects: ProjectService | undefined): FindImageTargets {
  const targetsIn = (own: ProjectRoutes | undefined, exchange: Exchange, family: string | undefined): ImageTargets => {
    const { providers } = exchange
    const routes = own?.router ?? router
    const families = routes.families ?? {}
    const ofFamily = family === undefined ? undefined : writtenRoute(families[family]?.image)
    const named = ofFamily ?? writtenRoute(routes.image)
    const all = [routes.image, ...Object.values(families).map(({ image }) => image)]
    return {
      target: named === undefined ? undefined : findTarget(named, providers),
      rule: nameRule(ofFamily === undefined ? 'Router.image' : `Router.families.${family}.image`, own?.origins),
      isImageModel: (target) =>
        all.some((text) => {
          const found = writtenRoute(text) === undefined ? undefined : findTarget(text!, providers)
          return typeof found === 'object' && isSame(found, target)
        }),
    }
  }
  const isUsed = usesImages(router)
  return (exchange, family) =>
    andThen(projects?.routesFor(exchange), (own) => (own || isUsed ? targetsIn(own, exchange, family) : NOWHERE))
}

const NOWHERE: ImageTargets = { target: undefined, rule: 'Router.image', isImageModel: () => false }

/** Whether any of the routes is for images. */
export function usesImages(router: RouterConfig): boolean {
  return [router, ...Object.values(router.families ?? {})].some(({ image }) => writtenRoute(image) !== undefined)
}

/** Whether two targets are one. */
export function isSame(first: Target, second: Target): boolean {
  return first.provider === second.provider && first.model === second.model
}
