import type { CanonicalRequest, ContentBlock, TextBlock, ToolResultBlock } from '@ccr/sdk'

/** What a user's words hold that could be an argument of a tool, each in the order of the text. */
export interface Findings {
  readonly text: string
  /** What stands between quotes or backticks. */
  readonly quoted: readonly string[]
  /** File names and paths, quoted or not. */
  readonly paths: readonly string[]
  readonly urls: readonly string[]
  readonly numbers: readonly number[]
}

/** The last thing that the user wrote: what clients and tools add to the user's turns is left out. */
export function userWords(request: CanonicalRequest): string {
  for (const message of request.messages.toReversed()) {
    if (message.role !== 'user') continue
    const words = withoutReminders(textOf(message.content))
    if (words !== '') return words
  }
  return ''
}

/** The tool results that the conversation ends with; messages of the system may follow them. */
export function lastResults(request: CanonicalRequest): readonly ToolResultBlock[] {
  const last = request.messages.findLast((message) => message.role !== 'system')
  if (last?.role !== 'user' || typeof last.content === 'string') return []
  return last.content.filter((block) => block.type === 'tool_result') as readonly ToolResultBlock[]
}

/** The texts of a message or a tool result, one a line. */
export function textOf(content: string | readonly ContentBlock[] | undefined): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  const texts = content.filter((block) => block.type === 'text') as readonly TextBlock[]
  return texts.map((block) => block.text).join('\n')
}

/** Clients put their own notes to the model into such elements. Linear in the text, whatever it holds. */
export function withoutReminders(text: string): string {
  const kept: string[] = []
  let from = 0
  for (;;) {
    const start = text.indexOf('<system-reminder>', from)
    const end = start < 0 ? -1 : text.indexOf(REMINDER_END, start)
    if (end < 0) break
    kept.push(text.slice(from, start))
    from = end + REMINDER_END.length
  }
  return [...kept, text.slice(from)].join('').trim()
}

const REMINDER_END = '</system-reminder>'

/** The first words of a text on one line, at most `words` of them and `characters` long. */
export function beginning(text: string, words: number, characters: number): string {
  // One word more than wanted is enough to know that there are more.
  const all = text
    .trimStart()
    .slice(0, characters * 2)
    .trimEnd()
    .split(/\s+/, words + 1)
  const start = all.slice(0, words).join(' ')
  return start.length > characters || all.length > words ? `${start.slice(0, characters)}…` : start
}

/** Looks for arguments in a text. */
export function findArguments(text: string): Findings {
  const quoted: string[] = []
  const paths: string[] = []
  const urls: string[] = []
  const numbers: number[] = []
  for (const [token] of text.matchAll(TOKEN)) {
    const inner = /^(["'`])(.+)\1$/s.exec(token)?.[2]
    if (inner !== undefined) quoted.push(inner)
    const word = inner ?? token.replace(/^[("'`[{<]+/, '').replace(/[)"'`\]}>.,;:!?]+$/, '')
    if (/^https?:\/\//i.test(word)) urls.push(word)
    else if (isPath(word)) paths.push(word)
    else if (/^-?\d{1,15}(?:\.\d+)?$/.test(word)) numbers.push(Number(word))
  }
  return { text, quoted, paths, urls, numbers }
}

/** A quoted piece that stands for itself, or a word. */
const TOKEN = /(?<![^\s([{])(["'`])[^\n]{1,500}?\1(?=[\s)\]}.,;:!?]|$)|\S+/g

function isPath(word: string): boolean {
  if (/^(?:~|\.{1,2})?\/[^/\s]/.test(word) || /^[A-Za-z]:\\/.test(word)) return true
  return /^[\w./-]*\w{2,}\.[A-Za-z]\w{0,7}$/.test(word)
}
