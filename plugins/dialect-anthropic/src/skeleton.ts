import { CcrError, parseObject } from '@ccr/sdk'
import type { CanonicalEvent } from '@ccr/sdk'

/** The order of keys in which the events of a stream are written; other orders are parsed. */
const SKELETON = new RegExp(
  String.raw`^\{\s*"type"\s*:\s*"([a-z_]+)"` +
    String.raw`(?:\s*,\s*"index"\s*:\s*(0|[1-9]\d{0,8})(?=[\s,}])` +
    String.raw`(?:\s*,\s*"(delta|content_block)"\s*:\s*\{\s*"type"\s*:\s*"(\w+)")?)?`,
)

/** A key of the skeleton, or what may be one: the last of a repeated key counts, so such an event is parsed. */
const REPEATED = /"(?:type|index|delta|content_block)"\s*:|\\u00[2-7]/

/** Longest `event` line that an error names; none is cut, because half a key is no longer found as one. */
const MAX_NAME = 100

/**
 * The event of one frame: parsed whole when its type is in `whole`, or its keys are repeated or stand in an unusual
 * order, else only its type, index, and the type of its block or delta.
 *
 * @param name the frame's `event` line
 * @param data UTF-8 read as Latin-1
 * @throws CcrError `CCR_STREAM_INVALID` when the data is not an event, or not the one that its `event` line names
 */
export function readSkeleton(name: string | undefined, data: string, whole: ReadonlySet<string>): CanonicalEvent {
  const [match = '', type, index, key, part] = SKELETON.exec(data) ?? []
  const wanted = type !== undefined && !whole.has(type) && (name ?? type) === type
  const usual = wanted && closes(data) && !REPEATED.test(data.slice(match.length))
  return (usual && skeleton(type, index, key, part)) || parseWhole(name, data)
}

/** Nothing where a part is missing that the type must have. */
function skeleton(type: string, index?: string, key?: string, part?: string): CanonicalEvent | undefined {
  switch (type) {
    case 'content_block_start':
      return key === 'content_block' ? { type, index: Number(index), content_block: { type: part! } } : undefined
    case 'content_block_delta':
      return key === 'delta' ? ({ type, index: Number(index), delta: { type: part } } as CanonicalEvent) : undefined
    case 'content_block_stop':
      return index === undefined ? undefined : { type, index: Number(index) }
    default:
      return { type } as CanonicalEvent
  }
}

/** Whether the data ends as an object does, so that a cut one is found without parsing it. */
function closes(data: string): boolean {
  let last = data.length - 1
  while (last > 0 && data.charCodeAt(last) <= 32) last--
  return data.charCodeAt(last) === 125
}

function parseWhole(name: string | undefined, data: string): CanonicalEvent {
  const text = Buffer.from(data, 'latin1').toString('utf8')
  const event = parseObject(text)
  // `{"error": …}` without a type: the form in which some gateways report an error inside a stream.
  const type = event?.['type'] ?? name ?? (event?.['error'] ? 'error' : undefined)
  if (!event || typeof type !== 'string' || (name !== undefined && name !== type)) {
    const place = name === undefined || name.length > MAX_NAME ? '' : ` of type '${name}'`
    throw new CcrError(
      'CCR_STREAM_INVALID',
      `the upstream sent an event${place} whose data, ${text.length} characters, does not fit`,
    )
  }
  return (event['type'] === type ? event : { ...event, type }) as unknown as CanonicalEvent
}
