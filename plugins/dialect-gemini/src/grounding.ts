import { CcrError, MAX_HELD, signReasoning, type MessageWriter } from '@ccr/sdk'
import { FAMILY } from './signatures.ts'
import { isFields, type Fields } from './wire.ts'

/** Canonical results carry opaque texts of the server that searched; ours say that this router made them. */
const OPAQUE = signReasoning({ family: FAMILY, payload: '' })

/** Longest quotation kept of the answer's own words. */
const MAX_CITED = 150

/** What a kept source costs beside its characters. */
const SOURCE_COST = 64

/**
 * The searches of a model that looked something up by itself. The API names them at the end, or again and again, so
 * they are written once, behind the answer: the sources are cited at its last text, and follow as one search.
 */
export class Grounding {
  readonly #queries = new Set<string>()
  readonly #sources = new Map<string, { readonly title: string; cited: string }>()
  #held = 0

  /** @throws CcrError `CCR_STREAM_LIMIT` when more than {@link MAX_HELD} characters would have to be kept */
  add({ webSearchQueries, groundingChunks, groundingSupports }: Fields): void {
    for (const query of list(webSearchQueries)) {
      if (typeof query !== 'string' || this.#queries.has(query)) continue
      this.#hold(query.length)
      this.#queries.add(query)
    }
    const urls = list(groundingChunks).map((chunk) => this.#source(chunk))
    for (const support of list(groundingSupports)) {
      if (!isFields(support)) continue
      const { segment, groundingChunkIndices } = support
      const text = isFields(segment) && typeof segment['text'] === 'string' ? segment['text'].slice(0, MAX_CITED) : ''
      for (const index of list(groundingChunkIndices)) {
        const source = this.#sources.get(urls[index as number] ?? '')
        if (source && source.cited === '') source.cited = text
      }
    }
  }

  /** Writes the search, when there was one; `afterText`: a text was written last. */
  write(writer: MessageWriter, newId: (prefix: string) => string, afterText: boolean): void {
    if (this.#sources.size === 0) return
    if (afterText)
      for (const [url, { title, cited }] of this.#sources)
        writer.citation({
          type: 'web_search_result_location',
          url,
          title,
          cited_text: cited,
          encrypted_index: OPAQUE,
        })
    const id = newId('srvtoolu_')
    const query = [...this.#queries].join('; ')
    writer.block({ type: 'server_tool_use', id, name: 'web_search', input: { query } })
    const content = [...this.#sources].map(([url, { title }]) => ({
      type: 'web_search_result',
      url,
      title,
      encrypted_content: OPAQUE,
      page_age: null,
    }))
    writer.block({ type: 'web_search_tool_result', tool_use_id: id, content })
  }

  #source(chunk: unknown): string | undefined {
    const web = isFields(chunk) ? (chunk['web'] ?? chunk['retrievedContext']) : undefined
    if (!isFields(web) || typeof web['uri'] !== 'string' || web['uri'] === '') return undefined
    const { uri, title } = web
    if (!this.#sources.has(uri)) {
      const name = typeof title === 'string' && title !== '' ? title : uri
      this.#hold(uri.length + name.length + MAX_CITED)
      this.#sources.set(uri, { title: name, cited: '' })
    }
    return uri
  }

  #hold(length: number): void {
    this.#held += length + SOURCE_COST
    if (this.#held > MAX_HELD)
      throw new CcrError('CCR_STREAM_LIMIT', `the answer cites more than ${MAX_HELD} characters; it was given up`)
  }
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}
