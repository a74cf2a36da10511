import { CcrError, messageOf } from '@ccr/sdk'
import { Type, Value, type Static } from '@ccr/sdk/typebox'
import { download, type DownloadOptions } from '../install/download.ts'

const Text = Type.String({ maxLength: 4_000 })

/** One preset of a marketplace. Fields that are not listed are not read. */
export const MarketplaceEntry = Type.Object({
  id: Type.Optional(Text),
  name: Type.String({ minLength: 1, maxLength: 64 }),
  description: Type.Optional(Text),
  version: Type.Optional(Text),
  author: Type.Optional(Text),
  tags: Type.Optional(Type.Array(Text, { maxItems: 50 })),
  /** Of its manifest; relative to the index. */
  url: Type.String({ minLength: 1, maxLength: 2_000 }),
  /** Of the bytes at the URL. */
  integrity: Type.String({ pattern: '^sha512-[A-Za-z0-9+/]{86}==$' }),
})
export type MarketplaceEntry = Static<typeof MarketplaceEntry>

/** The presets of a marketplace, and how many of its entries cannot be used. */
export interface Marketplace {
  readonly url: string
  readonly entries: readonly MarketplaceEntry[]
  readonly unusable: number
}

const MAX_ENTRIES = 5_000

/**
 * Reads the index of a marketplace: a JSON list of entries.
 *
 * @throws CcrError `CCR_INSTALL_SOURCE`
 */
export async function readMarketplace(url: string, options: DownloadOptions): Promise<Marketplace> {
  const { bytes, url: from } = await download(url, options)
  let index: unknown
  try {
    index = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (thrown) {
    throw refused(url, `it is not JSON (${messageOf(thrown)})`, thrown)
  }
  if (!Array.isArray(index)) throw refused(url, 'it is not a list of presets')
  if (index.length > MAX_ENTRIES) throw refused(url, `it has more than ${MAX_ENTRIES} entries`)
  const entries = index.filter((entry) => Value.Check(MarketplaceEntry, entry) && URL.canParse(entry.url, from))
  return { url: from, entries, unusable: index.length - entries.length }
}

/** The entry of a name: by its id, by its exact name, by its name in another case. */
export function findEntry({ entries }: Marketplace, name: string): MarketplaceEntry | undefined {
  return (
    entries.find(({ id }) => id === name) ??
    entries.find((entry) => entry.name === name) ??
    entries.find((entry) => entry.name.toLowerCase() === name.toLowerCase())
  )
}

/** The entries in whose name, description, author or tags every one of some words occurs. */
export function searchEntries({ entries }: Marketplace, words: readonly string[]): readonly MarketplaceEntry[] {
  const wanted = words.map((word) => word.toLowerCase())
  return entries.filter(({ id, name, description, author, tags }) => {
    const text = [id, name, description, author, ...(tags ?? [])].join('\n').toLowerCase()
    return wanted.every((word) => text.includes(word))
  })
}

function refused(url: string, fact: string, cause?: unknown): CcrError {
  const message = `the marketplace ${url} cannot be used: ${fact}. Check its URL.`
  return new CcrError('CCR_INSTALL_SOURCE', message, { cause })
}
