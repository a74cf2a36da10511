/** Shells whose language `ccr activate` writes. */
export const SHELLS = ['sh', 'fish', 'powershell'] as const
export type Shell = (typeof SHELLS)[number]

/** A line that sets a variable for everything that the shell starts, whatever characters its value has. */
export function setLine(shell: Shell, name: string, value: string): string {
  switch (shell) {
    case 'sh':
      return `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`
    case 'fish':
      return `set -gx ${name} '${value.replace(/[\\']/g, String.raw`\$&`)}';`
    case 'powershell':
      return `$env:${name} = '${value.replace(/['‘’‚‛]/g, '$&$&')}'`
  }
}

/** A line that takes a variable away. */
export function unsetLine(shell: Shell, name: string): string {
  switch (shell) {
    case 'sh':
      return `unset ${name}`
    case 'fish':
      return `set -e ${name};`
    case 'powershell':
      return `Remove-Item Env:${name} -ErrorAction SilentlyContinue`
  }
}
