/** Where the compiled counter is; see the SDK's `Tokenizer.module`. */
export const counterModule: string = new URL('./file-counter.js', import.meta.url).href
