/** Where the compiled code of the thread is. */
export const threadUrl: URL = new URL('./counting-thread.js', import.meta.url)
/** Where the compiled standard tokenizers are; see the SDK's `Tokenizer.module`. */
export const standardModule: string = new URL('./standard-counter.js', import.meta.url).href
