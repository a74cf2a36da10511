/**
 * Where wire protocols have their endpoints below the root that they may share. A folder of models is one where it
 * stands below a version: elsewhere such a folder is a root.
 */
const ENDPOINT = /\/(?:chat\/completions|messages|responses|(?<=\/v\d+[a-z0-9]*\/)models(?:\/[^/]+:\w+)?)$/

/** A base without its query and slashes, and without the endpoint of whatever protocol it names. */
export function endpointRoot(base: string): string {
  return base
    .replace(/[?#].*$/, '')
    .replace(/\/+$/, '')
    .replace(ENDPOINT, '')
}

/**
 * The URL of an endpoint from what a user wrote as base: the origin, a versioned root (`…/v1`), or the full URL, which
 * one that ends in `#` is whatever its path. One that is the endpoint of another protocol stands for the root above it:
 * models of one provider may speak different ones.
 *
 * @param base as configured, with or without a trailing slash; a query survives
 * @param tail the endpoint below the versioned root, such as `/chat/completions`
 * @param version the root that is added when the base is a bare origin or, for `always`, has no version
 */
export function endpointUrl(
  base: string,
  tail: string,
  version: { readonly root: string; readonly always: boolean },
): string {
  if (base.endsWith('#')) return base.slice(0, -1)
  const cut = base.search(/[?#]/)
  const path = (cut < 0 ? base : base.slice(0, cut)).replace(/\/+$/, '')
  const query = cut < 0 ? '' : base.slice(cut)
  if (path.endsWith(tail)) return path + query
  if (/\/v\d+[a-z0-9]*$/.test(path)) return path + tail + query
  const root = endpointRoot(path)
  if (root !== path) return endpointUrl(root + query, tail, version)
  const bare = /^https?:\/\/[^/]+$/.test(path)
  return path + (bare || version.always ? version.root : '') + tail + query
}
