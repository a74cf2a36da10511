/**
 * Takes the changes of a config one after another. What reads it again finds the newest state when its turn comes, so
 * whoever asks for that while one waits shares it.
 */
export class ChangeQueue {
  readonly #room: () => Promise<void>
  readonly #read: (always: boolean) => Promise<void>
  #last: Promise<unknown> = Promise.resolve()
  #waiting: Promise<void> | undefined
  /** It was asked for, so that it is built although no file changed. */
  #always = false

  /**
   * @param room resolves when a change may begin
   * @param read reads the config again, and builds it when it changed, or always
   */
  constructor(room: () => Promise<void>, read: (always: boolean) => Promise<void>) {
    this.#room = room
    this.#read = read
  }

  readAgain(always: boolean): Promise<void> {
    this.#always ||= always
    this.#waiting ??= this.next(() => {
      const build = this.#always
      this.#waiting = undefined
      this.#always = false
      return this.#read(build)
    })
    return this.#waiting
  }

  /** Runs a change when its turn comes. */
  next(change: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(async () => {
      await this.#room()
      return change()
    })
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** When all that was asked for so far has ended, well or not. */
  get settled(): Promise<unknown> {
    return this.#last
  }
}
