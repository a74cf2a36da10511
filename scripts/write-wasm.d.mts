/** sdk/src/json-scan.wat, assembled, as the TypeScript that holds it. */
export function codeText(): Promise<string>
