import { CcrError, MAX_HELD, type MessageWriter } from '@ccr/sdk'
import { itemBlock } from './original.ts'
import { withAnnotation } from './own-citations.ts'
import { signItems } from './reasoning.ts'
import { fieldsOf, listOf, textOf, type Fields } from './wire.ts'

/** Canonical results carry opaque texts of the server that searched; ours say that this router made them. */
const OPAQUE = signItems(undefined, [])

/** What a kept source costs beside its characters. */
const SOURCE_COST = 64

/**
 * Searches that the provider ran by itself. A search that names its sources becomes a call and its results where it
 * stands. The sources of one that does not are known from the citations, so its results follow the text that cites.
 * Clients of this dialect (`native`) get searches and annotations as they are, so nothing has to be made of them.
 */
export class Searches {
  readonly #writer: MessageWriter
  readonly #newId: (prefix: string) => string
  readonly #native: boolean
  /** What was searched for, where the results are still to come. */
  #queries: string[] = []
  /** Cited sources that no results have named. */
  #cited = new Map<string, string>()
  readonly #shown = new Set<string>()
  #held = 0
  #count = 0

  constructor(writer: MessageWriter, newId: (prefix: string) => string, native: boolean) {
    this.#writer = writer
    this.#newId = newId
    this.#native = native
  }

  /** Searches so far. */
  get count(): number {
    return this.#count
  }

  /** A finished search; opening a page and looking into it are no searches. */
  search(item: Fields): void {
    const action = fieldsOf(item['action'])
    const opens = action['type'] !== undefined && action['type'] !== 'search'
    if (!opens) this.#count++
    if (this.#native) return this.#writer.block(itemBlock(item))
    if (opens) return
    const query = textOf(action['query']) || listOf(action['queries']).map(textOf).join(' ')
    const urls = listOf(action['sources']).map((source) => textOf(fieldsOf(source)['url']))
    if (urls.length === 0) {
      this.#hold(query.length)
      this.#queries.push(query)
    } else this.#write(query, new Map(urls.map((url) => [url, url])))
  }

  /** A citation of the text that was written last, whose part begins at `start` of its block. */
  cite(annotation: unknown, start: number): void {
    const fields = fieldsOf(annotation)
    const citation = fieldsOf(fields['url_citation'] ?? fields)
    const url = textOf(citation['url'])
    if (url === '') {
      // A file of the provider, which no other client could open.
      const type = textOf(fields['type'])
      if (this.#native && type !== '') this.#writer.citation(withAnnotation({ type }, annotation, start))
      return
    }
    const title = textOf(citation['title']) || url
    const found = {
      type: 'web_search_result_location',
      url,
      title,
      cited_text: textOf(citation['content']).slice(0, 150),
      encrypted_index: OPAQUE,
    }
    this.#writer.citation(this.#native ? withAnnotation(found, annotation, start) : found)
    if (this.#native || this.#shown.has(url) || this.#cited.has(url)) return
    this.#hold(url.length + title.length)
    this.#cited.set(url, title)
  }

  /** A text is over: writes the searches whose results are known by now. Gives whether it wrote anything. */
  settle(): boolean {
    if (this.#cited.size === 0 && this.#queries.length === 0) return false
    const query = this.#queries.join(' ')
    const cited = this.#cited
    this.#queries = []
    this.#cited = new Map()
    this.#write(query, cited)
    return true
  }

  #write(query: string, results: ReadonlyMap<string, string>): void {
    const id = this.#newId('srvtoolu_')
    this.#writer.block({ type: 'server_tool_use', id, name: 'web_search', input: { query } })
    const content = [...results].map(([url, title]) => {
      this.#shown.add(url)
      return { type: 'web_search_result', url, title, encrypted_content: OPAQUE, page_age: null }
    })
    this.#writer.block({ type: 'web_search_tool_result', tool_use_id: id, content })
  }

  /** @throws CcrError `CCR_STREAM_LIMIT` */
  #hold(characters: number): void {
    this.#held += SOURCE_COST + characters
    if (this.#held > MAX_HELD)
      throw new CcrError('CCR_STREAM_LIMIT', `the answer cites more than ${MAX_HELD} characters of sources`)
  }
}
