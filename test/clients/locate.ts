import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** A client program as it was found. */
export interface LocatedClient {
  readonly command: string
  /** What stands before the client's own arguments. */
  readonly prefix: readonly string[]
}

const PACKAGES = {
  '2.1.330': { name: '@anthropic-ai/claude-code-linux-x64', file: 'claude', script: false },
  '2.1.112': { name: '@anthropic-ai/claude-code', file: 'cli.js', script: true },
} as const

/** A version of Claude Code that the tests run. */
export type ClaudeCodeVersion = keyof typeof PACKAGES

/** The versions of Claude Code that the tests run: the newest, and the last one made of JavaScript alone. */
export const CLAUDE_CODE_VERSIONS = Object.keys(PACKAGES) as readonly ClaudeCodeVersion[]

/** Finds a version below the folder that `CCR_CLIENTS` names, in a sub-folder of the version's name. */
export function locateClaudeCode(version: ClaudeCodeVersion): LocatedClient | undefined {
  const folder = process.env['CCR_CLIENTS']
  if (!folder) return undefined
  const { name, file, script } = PACKAGES[version]
  const path = join(folder, version, 'node_modules', name, file)
  if (!existsSync(path)) return undefined
  return script ? { command: process.execPath, prefix: [path] } : { command: path, prefix: [] }
}

/** How to install a version so that it is found. */
export function installHint(version: ClaudeCodeVersion): string {
  const install = `npm i --prefix $CCR_CLIENTS/${version} --no-save ${PACKAGES[version].name}@${version}`
  return `Claude Code ${version} is not installed: set CCR_CLIENTS to a folder outside this one and run \`${install}\``
}
