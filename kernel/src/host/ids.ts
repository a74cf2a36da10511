import { randomFillSync } from 'node:crypto'

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789')
const LENGTH = 24
// The largest multiple of 62 in a byte: larger bytes would favour the first letters.
const FAIR = 248

/** A maker of identifiers: a prefix and 24 random characters of [A-Za-z0-9]; randomness is fetched in blocks. */
export function createIds(): (prefix: string) => string {
  const block = Buffer.alloc(4096)
  let at = block.length
  // Letters added to a string one by one would make a string object each.
  const letters = Buffer.alloc(LENGTH)
  return (prefix) => {
    for (let count = 0; count < LENGTH;) {
      if (at === block.length) {
        randomFillSync(block)
        at = 0
      }
      const byte = block[at++]!
      if (byte >= FAIR) continue
      letters[count++] = ALPHABET[byte % 62]!
    }
    return prefix + letters.toString('latin1')
  }
}
