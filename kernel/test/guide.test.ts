import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually, freePort } from './cli-harness.ts'

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const GUIDE = fileURLToPath(new URL('../../docs/guide/first-plugin.md', import.meta.url))

/** A fenced block of the guide: its language, what stands behind that, and its lines. */
interface Block {
  readonly language: string
  readonly about: string
  readonly text: string
}

function blocksOf(markdown: string): readonly Block[] {
  return [...markdown.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', about = '', text = '']) => ({
      language,
      about,
      text,
    }),
  )
}

/** A line of expected output: what stands before, between and after the ellipses, in this order. */
function toPattern(line: string): RegExp {
  const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 'm')
}

/** A shell in which blocks run one after the other, as they would be typed. */
class Terminal {
  readonly #shell: ChildProcessWithoutNullStreams
  #output = ''
  #seen = 0
  #commands = 0
  #closed = false
  #changed: () => void = () => undefined

  constructor(cwd: string, env: NodeJS.ProcessEnv) {
    // Its jobs are a group of their own, as in a terminal, so that an interruption does not reach the shell.
    this.#shell = spawn('bash', ['--noprofile', '--norc', '-m'], { cwd, env })
    const take = (text: string): void => {
      this.#output += text
      this.#changed()
    }
    this.#shell.once('close', () => {
      this.#closed = true
      this.#changed()
    })
    this.#shell.stdout.setEncoding('utf8').on('data', take)
    this.#shell.stderr.setEncoding('utf8').on('data', take)
  }

  /** Runs commands to their end; each must succeed. */
  async run(text: string): Promise<string> {
    const end = `end of ${++this.#commands}:`
    const start = this.#output.length
    this.#shell.stdin.write(`set -e\n${text}\nset +e\necho '${end}'\n`)
    while (!this.#output.includes(end)) {
      if (this.#closed) throw new Error(`${text}\n${this.#output.slice(start)}`)
      await new Promise<void>((resolve) => (this.#changed = resolve))
    }
    this.#seen = start
    return this.#output.slice(start)
  }

  /** Begins a command that goes on. */
  launch(text: string): void {
    this.#shell.stdin.write(`${text.trim()} &\n`)
  }

  async interrupt(): Promise<void> {
    await this.run('kill -INT %1; wait %1')
  }

  /** Waits for output that was not expected before. */
  async expect(line: string): Promise<void> {
    const end = await eventually(`'${line}' in ${this.#output.slice(this.#seen)}`, () => {
      const found = toPattern(line).exec(this.#output.slice(this.#seen))
      return found ? this.#seen + found.index + found[0].length : undefined
    })
    this.#seen = end
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#shell.stdin.end('kill %1 2>/dev/null; exit\n')
    await once(this.#shell, 'close')
  }
}

let root: string
let terminals: Terminal[]
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-guide-'))
  terminals = []
})
afterEach(async () => {
  for (const terminal of terminals) await terminal.close()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
})

test('every command and file of the guide works as it says', { timeout: 240_000 }, async () => {
  const [first, second] = [await freePort(), await freePort()]
  const guide = (await readFile(GUIDE, 'utf8')).replaceAll('3456', String(first)).replaceAll('3457', String(second))
  const env = await environment(first)
  const open = (folder: string): Terminal => {
    const terminal = new Terminal(folder, env)
    terminals.push(terminal)
    return terminal
  }
  const main = open(root)
  let other: Terminal | undefined
  let output = ''
  let ran = 0
  for (const { language, about, text } of blocksOf(guide)) {
    const isSecond = about === 'second terminal'
    if (language === 'ts') {
      await writeFile(resolve(root, 'shout', about), text)
    } else if (language === 'sh' && isSecond) {
      other ??= open(join(root, 'shout'))
      if (text === '^C\n') await other.interrupt()
      else other.launch(text)
      ran++
    } else if (language === 'sh') {
      output = await main.run(text)
      ran++
    } else {
      expect(language).toBe('text')
      for (const line of text.trim().split('\n')) {
        if (isSecond) await other!.expect(line)
        else expect(output, line).toMatch(toPattern(line))
      }
    }
  }
  expect(ran).toBe(13)
})

/** What a newcomer has: Node, npm, a shell, and `ccr`. */
async function environment(port: number): Promise<NodeJS.ProcessEnv> {
  const bin = join(root, 'bin')
  await mkdir(join(root, '.claude-code-router'), { recursive: true })
  await mkdir(bin)
  await writeFile(join(bin, 'ccr'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`)
  await chmod(join(bin, 'ccr'), 0o755)
  await writeFile(join(root, '.claude-code-router/config.json'), JSON.stringify({ PORT: port }))
  return {
    HOME: root,
    PATH: [bin, dirname(process.execPath), process.env['PATH']].join(':'),
    npm_config_update_notifier: 'false',
    npm_config_cache: join(root, 'npm-cache'),
    // Nothing of it is asked.
    npm_config_registry: 'http://127.0.0.1:9/',
  }
}
