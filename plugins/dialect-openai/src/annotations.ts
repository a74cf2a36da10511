import { CcrError, MAX_HELD, signReasoning, type MessageWriter } from '@ccr/sdk'
import { FAMILY } from './reasoning.ts'

/** Canonical results carry opaque texts of the server that searched; ours say that this router made them. */
const OPAQUE = signReasoning({ family: FAMILY, payload: '' })

/** Longest quotation kept of a source. */
const MAX_CITED = 150

/** What a kept source costs beside its characters. */
const SOURCE_COST = 64

interface Source {
  readonly url: string
  readonly title: string
  readonly cited: string
}

/**
 * Citations of a model that searched by itself. The sources seen before the answer goes on become one search and its
 * results; every source is also cited at the text it came with, so that later ones are not lost.
 */
export class Annotations {
  readonly #writer: MessageWriter
  readonly #newId: (prefix: string) => string
  #sources: Source[] = []
  #uncited: Source[] = []
  /** Characters of what is kept. */
  #held = 0
  #written = false

  constructor(writer: MessageWriter, newId: (prefix: string) => string) {
    this.#writer = writer
    this.#newId = newId
  }

  /**
   * `afterText`: the text that is cited was written last; otherwise it follows.
   *
   * @throws CcrError `CCR_STREAM_LIMIT` when more than {@link MAX_HELD} characters would have to be kept
   */
  add(annotations: readonly unknown[], afterText: boolean): void {
    for (const annotation of annotations) {
      const source = toSource(annotation)
      if (!source) continue
      if (!this.#written) this.#keep(source, this.#sources)
      if (afterText) this.#writer.citation(toCitation(source))
      else this.#keep(source, this.#uncited)
    }
  }

  /** Writes the search before the answer goes on, or ends. */
  settle(beforeText: boolean): void {
    if (!this.#written && this.#sources.length > 0) this.#write()
    if (!beforeText || this.#uncited.length === 0) return
    for (const source of this.#uncited) {
      this.#held -= costOf(source)
      this.#writer.citation(toCitation(source))
    }
    this.#uncited = []
  }

  #keep(source: Source, list: Source[]): void {
    this.#held += costOf(source)
    if (this.#held > MAX_HELD)
      throw new CcrError(
        'CCR_STREAM_LIMIT',
        `the answer cites more than ${MAX_HELD} characters of sources; it was given up`,
      )
    list.push(source)
  }

  #write(): void {
    this.#written = true
    const id = this.#newId('srvtoolu_')
    // Nobody says what was searched for.
    this.#writer.block({ type: 'server_tool_use', id, name: 'web_search', input: { query: '' } })
    const content = this.#sources.map(({ url, title }) => ({
      type: 'web_search_result',
      url,
      title,
      encrypted_content: OPAQUE,
      page_age: null,
    }))
    for (const source of this.#sources) this.#held -= costOf(source)
    this.#sources = []
    this.#writer.block({ type: 'web_search_tool_result', tool_use_id: id, content })
  }
}

function costOf({ url, title, cited }: Source): number {
  return SOURCE_COST + url.length + title.length + cited.length
}

function toSource(annotation: unknown): Source | undefined {
  const citation = (annotation as { url_citation?: unknown } | null)?.url_citation ?? annotation
  if (typeof citation !== 'object' || citation === null) return undefined
  const { url, title, content } = citation as Record<string, unknown>
  if (typeof url !== 'string' || url === '') return undefined
  return {
    url,
    title: typeof title === 'string' && title !== '' ? title : url,
    cited: typeof content === 'string' ? content.slice(0, MAX_CITED) : '',
  }
}

function toCitation({ url, title, cited }: Source): object {
  return { type: 'web_search_result_location', url, title, cited_text: cited, encrypted_index: OPAQUE }
}
