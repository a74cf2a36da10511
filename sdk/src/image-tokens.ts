/** Length of a patch in pixels: a model sees an image as patches, each of them a token. */
const PATCH = 28
/** The longest edge, in pixels, to which a larger image is scaled down. */
const LONGEST_EDGE = 1568

/**
 * Tokens of an image that is as large as models see them, and of one whose size cannot be read.
 * Source: https://platform.claude.com/docs/en/build-with-claude/vision
 */
export const TOKENS_PER_IMAGE = 1568

/** Characters of base64 in which the size stands, and those behind which a photograph's own data may put it. */
const HEAD = 1024
const LONG_HEAD = 128 * 1024

/**
 * Tokens of an image, by its size: a token for each patch of 28 × 28 pixels, after it was scaled down to 1,568 pixels
 * and 1,568 tokens. Source: https://platform.claude.com/docs/en/build-with-claude/vision
 *
 * @param sight says how much more than its first kilobyte may be looked through
 */
export function imageTokens(base64: string, sight: LongSight): number {
  const size = sizeOf(base64, sight)
  if (!size) return TOKENS_PER_IMAGE
  const scale = Math.min(1, LONGEST_EDGE / Math.max(...size))
  const [width, height] = size.map((edge) => Math.ceil((edge * scale) / PATCH)) as [number, number]
  return Math.max(1, Math.min(TOKENS_PER_IMAGE, width * height))
}

interface LongSight {
  take(characters: number): number
}

type Size = readonly [width: number, height: number]

function sizeOf(base64: string, sight: LongSight): Size | undefined {
  const head = Buffer.from(base64.slice(0, HEAD), 'base64')
  const size = pngSize(head) ?? gifSize(head) ?? webpSize(head)
  if (size || head.length < 4 || head.readUInt16BE(0) !== 0xffd8) return size
  return jpegSize(head) ?? jpegSize(Buffer.from(base64.slice(0, sight.take(LONG_HEAD)), 'base64'))
}

function pngSize(bytes: Buffer): Size | undefined {
  if (bytes.length < 24 || bytes.readUInt32BE(0) !== 0x89504e47) return undefined
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
}

function gifSize(bytes: Buffer): Size | undefined {
  if (bytes.length < 10 || bytes.toString('latin1', 0, 4) !== 'GIF8') return undefined
  return [bytes.readUInt16LE(6), bytes.readUInt16LE(8)]
}

/** Source: https://developers.google.com/speed/webp/docs/riff_container */
function webpSize(bytes: Buffer): Size | undefined {
  if (bytes.length < 30 || bytes.toString('latin1', 8, 12) !== 'WEBP') return undefined
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return [bytes.readUInt16LE(26) & 0x3fff, bytes.readUInt16LE(28) & 0x3fff]
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21)
      return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1]
    }
    case 'VP8X':
      return [bytes.readUIntLE(24, 3) + 1, bytes.readUIntLE(27, 3) + 1]
    default:
      return undefined
  }
}

/** The first frame header behind segments that say their own length. Source: ITU-T T.81, B.1.1 and B.2.2 */
function jpegSize(bytes: Buffer): Size | undefined {
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1]!
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (isFrame) return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)]
    at += marker === 0xff ? 1 : 2 + bytes.readUInt16BE(at + 2)
  }
  return undefined
}
