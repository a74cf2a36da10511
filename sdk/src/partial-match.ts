import { CcrError } from './errors.ts'

/** A part of a pattern, without captures. */
interface Part {
  readonly source: string
  /** Matches to the end of the text, and only where this part would read on there; empty when it never does. */
  readonly wants: string
}

/** The end of the text, whatever the flags. */
const END = '(?![^])'

/**
 * A pattern that matches where another may begin a match, or a longer one, that the end of the text leaves open. For a
 * sequence `ab` that is: the end, where `a` is wanted, or `a` followed by the end, where `b` is.
 *
 * @throws CcrError `CCR_PLUGIN_OPTIONS` for what depends on more than the text from there on
 */
export function wantsMore(source: string, flags: string): string {
  // It says what is wrong with the pattern itself.
  new RegExp(source, flags)
  if (flags.includes('v')) throw refused(source, "the flag 'v'")
  const reader = new PatternReader(source, flags.includes('u'))
  return reader.alternatives().wants || '(?!)'
}

class PatternReader {
  readonly #source: string
  readonly #unicode: boolean
  #at = 0

  constructor(source: string, unicode: boolean) {
    this.#source = source
    this.#unicode = unicode
  }

  /** Up to the end, or the bracket that closes the group. */
  alternatives(): Part {
    const parts = [this.#sequence()]
    while (this.#take('|')) parts.push(this.#sequence())
    return { source: parts.map((part) => part.source).join('|'), wants: anyOf(parts.map((part) => part.wants)) }
  }

  #sequence(): Part {
    let source = ''
    const wants: string[] = []
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at]!)) {
      const part = this.#quantified()
      if (part.wants !== '') wants.push(source + part.wants)
      source += part.source
    }
    return { source, wants: anyOf(wants) }
  }

  #quantified(): Part {
    const part = this.#atom()
    const [quantifier = ''] = this.#read(/[*+?]\??|\{\d+(?:,\d*)?\}\??/y)
    if (quantifier === '') return part
    const max = /^\{(\d+)\}/.exec(quantifier)?.[1] ?? /^\{\d+,(\d+)\}/.exec(quantifier)?.[1]
    const rounds = quantifier.startsWith('?')
      ? '{0,0}'
      : max === undefined
        ? '*'
        : `{0,${Math.max(0, Number(max) - 1)}}`
    const before = rounds === '{0,0}' ? '' : `(?:${part.source})${rounds}`
    return { source: part.source + quantifier, wants: max === '0' || part.wants === '' ? '' : before + part.wants }
  }

  #atom(): Part {
    if (/^\(\?[a-z-]/.test(this.#source.slice(this.#at, this.#at + 3))) throw refused(this.#source, 'a modifier')
    const [open] = this.#read(/\((?:\?(?:[:=!]|<[=!]|<[^>]+>))?/y)
    if (open !== undefined) return this.#group(open)
    const [assertion] = this.#read(/\\[bB]|\$/y)
    // Both need the character that follows.
    if (assertion !== undefined) return { source: assertion, wants: END }
    if (this.#take('^')) return { source: '^', wants: '' }
    const [reference] = this.#read(this.#unicode ? /\\(?:[1-9]|k)/y : /\\(?:[1-9]|k<)/y)
    if (reference !== undefined) throw refused(this.#source, 'a back reference')
    const [source] = this.#read(/\[(?:\\[^]|[^\]\\])*\]/y)
    return character(source ?? this.#character())
  }

  #character(): string {
    const escapes = this.#unicode ? /\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[dD][89abAB]..\\u[dD][c-fC-F]..)/y : /(?!)/y
    const [source] = this.#read(escapes)
    const [other] = source === undefined ? this.#read(/\\(?:u[\da-fA-F]{4}|x[\da-fA-F]{2}|c[a-zA-Z]|[^])/y) : [source]
    const [plain] = other === undefined ? this.#read(this.#unicode ? /[^]/uy : /[^]/y) : [other]
    return plain!
  }

  #group(open: string): Part {
    if (open.startsWith('(?<=') || open.startsWith('(?<!')) throw refused(this.#source, 'a lookbehind')
    const inner = this.alternatives()
    this.#take(')')
    const isAhead = open === '(?=' || open === '(?!'
    // What a lookahead sees is read again by what follows it.
    return { source: `${isAhead ? open : '(?:'}${inner.source})`, wants: inner.wants }
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false
    this.#at++
    return true
  }

  #read(what: RegExp): readonly string[] {
    what.lastIndex = this.#at
    const found = what.exec(this.#source) ?? []
    this.#at += found[0]?.length ?? 0
    return found
  }
}

function character(source: string): Part {
  return { source, wants: END }
}

function anyOf(wants: readonly string[]): string {
  const some = wants.filter((one) => one !== '')
  return some.length > 1 ? `(?:${some.join('|')})` : (some[0] ?? '')
}

function refused(source: string, what: string): CcrError {
  const fact = `the pattern /${source}/ has ${what}`
  return new CcrError('CCR_PLUGIN_OPTIONS', `${fact}, which cannot be found in a stream; write it without`)
}
