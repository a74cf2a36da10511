const FILE = /^(?:file:|~?\/|\.{1,2}[/\\]|\\|[A-Za-z]:[\\/])/

/** Whether a text is like a file's name, which no preset may bring. */
export function isFileText(text: string): boolean {
  return FILE.test(text)
}
