import { parseObject, readReasoning, signReasoning, type ThinkingBlock } from '@ccr/sdk'
import { isFields } from './wire.ts'

/** The family in a mark that this dialect made. */
export const FAMILY = 'gemini'

/**
 * What Google documents for a function call whose signature is not known, because another model made it.
 * Source: https://ai.google.dev/gemini-api/docs/thought-signatures
 */
export const SKIPPED_SIGNATURE = 'skip_thought_signature_validator'

/** Where a signature stood: on the thought itself, on the part that followed, or on a text part without text. */
export type SignedPart = (typeof SIGNED_PARTS)[number]

const SIGNED_PARTS = ['thought', 'call', 'text', 'image', 'empty'] as const

/** A signature of the API and the part it belongs to. */
export interface PartSignature {
  readonly on: SignedPart
  readonly signature: string
}

/** What a thinking block of this family carries. */
export interface Carried {
  /** The provider whose answer it was; absent when a client of this API said it itself. */
  readonly provider?: string | undefined
  readonly signatures: readonly PartSignature[]
}

/** The signature of a canonical thinking block; it carries the API's own, so that they survive a restart. */
export function sign({ provider, signatures }: Carried): string {
  const list = signatures.map(({ on, signature }) => [on, signature])
  return signReasoning({ family: FAMILY, payload: JSON.stringify({ provider, signatures: list }) })
}

/** What a thinking block carries; nothing when another vendor made it. A block without a signature carries nothing. */
export function readCarried(block: ThinkingBlock): Carried | undefined {
  if (!block.signature) return undefined
  const origin = readReasoning(block.signature)
  if (origin?.family !== FAMILY) return undefined
  const payload = parseObject(origin.payload) ?? {}
  const { provider, signatures } = payload
  const list = Array.isArray(signatures) ? (signatures as readonly unknown[]) : []
  return {
    provider: typeof provider === 'string' ? provider : undefined,
    signatures: list.flatMap((entry) => {
      const [on, signature] = Array.isArray(entry) ? (entry as readonly unknown[]) : []
      return isSignedPart(on) && typeof signature === 'string' ? [{ on, signature }] : []
    }),
  }
}

/** Signatures are opaque to clients, but base64: what other vendors signed is wrapped in these bytes. */
const WRAP = 'ccr-foreign-signature:'
const WRAPPED = Buffer.from(WRAP.slice(0, WRAP.length - (WRAP.length % 3))).toString('base64')

/** Another vendor's signature as one that a client of this API takes and gives back. */
export function wrapSignature(signature: string): string {
  return Buffer.from(WRAP + signature).toString('base64')
}

/** The signature that {@link wrapSignature} wrapped; nothing for any other. */
export function unwrapSignature(signature: string): string | undefined {
  if (!signature.startsWith(WRAPPED)) return undefined
  const text = Buffer.from(signature, 'base64').toString('utf8')
  return text.startsWith(WRAP) ? text.slice(WRAP.length) : undefined
}

function isSignedPart(value: unknown): value is SignedPart {
  return (SIGNED_PARTS as readonly unknown[]).includes(value)
}

/** A signature of a part of a request, when it is a text. */
export function signatureOf(part: unknown): string | undefined {
  const given = isFields(part) ? (part['thoughtSignature'] ?? part['thought_signature']) : undefined
  return typeof given === 'string' && given !== '' ? given : undefined
}
