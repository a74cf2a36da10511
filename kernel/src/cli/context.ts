import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { withoutEscapes } from '../config/presets/shown-text.ts'

/** What a command knows of the world it runs in. */
export interface CommandContext {
  /** Absolute path of the directory that holds config, logs and the running instance. */
  readonly home: string
  readonly env: NodeJS.ProcessEnv
  readonly version: string
  /** Writes one line of result. */
  readonly print: (line: string) => void
  /** Writes one line about a failure or a doubt. */
  readonly complain: (line: string) => void
}

/** The context of this process. */
export function createContext(env: NodeJS.ProcessEnv): CommandContext {
  return {
    home: homeOf(env),
    env,
    version: readVersion(),
    print: (line) => void process.stdout.write(`${withoutEscapes(line)}\n`),
    complain: (line) => void process.stderr.write(`${withoutEscapes(line)}\n`),
  }
}

/** `CCR_HOME`, or `~/.claude-code-router`. */
export function homeOf(env: NodeJS.ProcessEnv): string {
  return env['CCR_HOME'] ? resolve(env['CCR_HOME']) : join(homedir(), '.claude-code-router')
}

/** The version in the manifest of this package. */
export function readVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return manifest.version
}
