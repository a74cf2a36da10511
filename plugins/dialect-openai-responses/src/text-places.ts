/**
 * Where the parts of messages begin in the text block that holds them: a citation names a place in its part, and parts
 * that follow each other are one block.
 */
export class TextPlaces {
  #length = 0
  readonly #starts = new Map<string, number>()

  /** Something else than text was written: the next text is another block. */
  leave(): void {
    this.#length = 0
    this.#starts.clear()
  }

  /** So many characters of a part follow. */
  write(part: string, characters: number): void {
    if (!this.#starts.has(part)) this.#starts.set(part, this.#length)
    this.#length += characters
  }

  /** Where a part begins; one without any text so far begins here. */
  startOf(part: string): number {
    return this.#starts.get(part) ?? this.#length
  }
}
