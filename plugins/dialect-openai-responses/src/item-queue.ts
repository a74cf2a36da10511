import { CcrError, MAX_HELD } from '@ccr/sdk'
import { fieldsOf, textOf, type Fields, type ResponsesEvent } from './wire.ts'

/** What one kept write costs beside its characters. */
const WRITE_COST = 32

/** An item of an answer while it arrives. */
export interface Item {
  /** Unique in this answer. */
  readonly key: string
  readonly kind: ItemKind
  /** What is said of it beside its parts, such as its name and phase. */
  about: Fields
  /** What came of each part, because its `done` events say it again. */
  readonly parts: Map<string, Heard>
  /** What was written or found of it, such as its name. */
  readonly known: Set<string>
  /** It writes at once; everything before it was written. */
  live: boolean
  done: boolean
  readonly waiting: (() => void)[]
  held: number
}

/** How much of a part has come, and its last characters. */
interface Heard {
  readonly length: number
  readonly tail: string
}

/** By so many characters it is recognised whether a text goes on where its deltas ended. */
const TAIL = 64

/** Remembers that this came of a part. */
export function hear({ parts }: Item, part: string, text: string): void {
  const heard = parts.get(part)
  const tail = text.length < TAIL && heard ? (heard.tail + text).slice(-TAIL) : text.slice(-TAIL)
  parts.set(part, { length: (heard?.length ?? 0) + text.length, tail })
}

/** What a whole part says beyond its deltas: all of it where none came, nothing where they said something else. */
export function unheard({ parts }: Item, part: string, whole: string): string {
  const heard = parts.get(part)
  if (!heard) return whole
  const { length, tail } = heard
  return whole.length > length && whole.slice(length - tail.length, length) === tail ? whole.slice(length) : ''
}

export type ItemKind = 'message' | 'reasoning' | 'call' | 'custom' | 'search' | 'other'

const KINDS: ReadonlyMap<unknown, ItemKind> = new Map<unknown, ItemKind>([
  ['message', 'message'],
  ['reasoning', 'reasoning'],
  ['function_call', 'call'],
  ['custom_tool_call', 'custom'],
  ['web_search_call', 'search'],
])

/**
 * The items of one answer, each written whole before the next, in the order in which they were announced. The first
 * unfinished one writes as it arrives, what belongs to later ones waits. Servers that do not number their items write
 * them one after the other and may finish them late, so theirs never wait.
 */
export class ItemQueue {
  readonly #byId = new Map<string, Item>()
  readonly #byIndex = new Map<number, Item>()
  #queue: Item[] = []
  #count = 0
  #held = 0
  #last: Item | undefined

  /** Any item was announced. */
  get any(): boolean {
    return this.#count > 0
  }

  /** An item was announced; one that is announced twice is the same. */
  open({ item, item_id, output_index }: ResponsesEvent, kind?: ItemKind): Item {
    const { id: given, type } = fieldsOf(item)
    const id = textOf(given) || textOf(item_id)
    const known = id === '' ? undefined : this.#byId.get(id)
    if (known) return known
    const created: Item = {
      key: String(this.#count++),
      kind: kind ?? KINDS.get(type) ?? 'other',
      about: fieldsOf(item),
      parts: new Map(),
      known: new Set(),
      live: false,
      done: false,
      waiting: [],
      held: 0,
    }
    // What is remembered of an item is never given back, so that empty items are bounded too.
    this.#hold(WRITE_COST + id.length)
    if (id !== '') this.#byId.set(id, created)
    this.#queue.push(created)
    this.#last = created
    if (typeof output_index === 'number') this.#byIndex.set(output_index, created)
    else for (const unnumbered of this.#queue) this.#release(unnumbered)
    this.#advance()
    return created
  }

  /** The item an event belongs to. Some servers change its id with every event, so its number counts too. */
  find({ item, item_id, output_index }: ResponsesEvent): Item | undefined {
    const id = textOf(item_id) || textOf(fieldsOf(item)['id'])
    const known = id === '' ? undefined : this.#byId.get(id)
    if (known) return known
    if (typeof output_index === 'number') return this.#byIndex.get(output_index)
    return id === '' ? this.#last : undefined
  }

  /** Writes something of an item now, or when its turn comes. */
  write(item: Item, characters: number, write: () => void): void {
    if (item.live) return write()
    item.held += WRITE_COST + characters
    this.#hold(WRITE_COST + characters)
    item.waiting.push(write)
  }

  /** Nothing more comes of this item. */
  finish(item: Item): void {
    item.done = true
    this.#advance()
  }

  /** The answer is over: writes what waits. */
  end(): void {
    for (const item of this.#queue) this.#release(item)
    this.#queue = []
  }

  #advance(): void {
    let head = 0
    for (; head < this.#queue.length; head++) {
      const item = this.#queue[head]!
      this.#release(item)
      if (!item.done) break
    }
    if (head > 0) this.#queue.splice(0, head)
  }

  #release(item: Item): void {
    if (item.live) return
    item.live = true
    this.#held -= item.held
    for (const write of item.waiting) write()
    item.waiting.length = 0
  }

  /** @throws CcrError `CCR_STREAM_LIMIT` */
  #hold(characters: number): void {
    this.#held += characters
    if (this.#held > MAX_HELD)
      throw new CcrError(
        'CCR_STREAM_LIMIT',
        `the answer made the router keep more than ${MAX_HELD} characters; it was given up`,
      )
  }
}
