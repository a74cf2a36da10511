import type { ToolResultBlock } from './canonical.ts'

/** The text of a tool's result, for a place where nothing but text can tell that the call failed. */
export function failureText({ is_error }: Pick<ToolResultBlock, 'is_error'>, text: string): string {
  return is_error && !/^error/i.test(text) ? `Error: ${text}` : text
}
