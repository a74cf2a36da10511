import { isKnownBlock, type ContentBlock, type Tool } from './canonical.ts'
import { describeBlock } from './describe-block.ts'

/** A wire body without the keys beginning with `ccr_`, which are for patches only; what it holds is not copied. */
export function stripExtensions<Body extends object>(body: Body): Body {
  const kept: Record<string, unknown> = {}
  for (const key in body) if (!key.startsWith('ccr_')) kept[key] = body[key]
  // Wire bodies have no other keys: those of patches are in no type of a protocol.
  return kept as unknown as Body
}

/** A tool that the client runs: no server tool, and not the client's placeholder for tools it has not loaded. */
export function isClientTool(tool: Tool): boolean {
  if (tool.type && tool.type !== 'custom') return false
  return !(tool.name === 'DeferredToolPlaceholder' && tool.defer_loading === true)
}

/**
 * A system prompt, a string or blocks, as one text: `''` for none, and an empty line between two blocks.
 *
 * @param omitted how the texts begin that go to no such target: whole blocks, and the first line of a prompt that is
 * one string
 */
export function joinSystem(system: string | readonly ContentBlock[] | null | undefined, omitted: string): string {
  if (system === undefined || system === null) return ''
  if (typeof system === 'string') {
    if (!system.startsWith(omitted)) return system
    const end = system.indexOf('\n')
    return end < 0 ? '' : system.slice(end + 1)
  }
  const texts: string[] = []
  for (const block of system) {
    const text = isKnownBlock(block) && block.type === 'text' ? block.text : describeBlock(block)
    if (text !== '' && !text.startsWith(omitted)) texts.push(text)
  }
  return texts.join('\n\n')
}
