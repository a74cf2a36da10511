// A conversation as a coding agent has one: its texts are this repository's own source and documents.
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const material = ['kernel/src', 'sdk/src', 'docs']
  .flatMap((folder) => {
    return readdirSync(join(root, folder), { recursive: true })
      .filter((file) => /\.(ts|md)$/.test(file))
      .sort()
      .map((file) => readFileSync(join(root, folder, file), 'utf8'))
  })
  .join('\n')

const TOOLS = ['Bash', 'Edit', 'Glob', 'Grep', 'Read', 'Task', 'TodoWrite', 'WebFetch', 'WebSearch', 'Write']

/** @param seed of two conversations with the same one, all texts are the same */
export function createConversation(seed = 0) {
  let at = (seed * 7919) % material.length
  let count = seed * MOST_TURNS
  let characters = 0
  const take = (length) => {
    if (at + length > material.length) at = 0
    at += length
    return `${count++} ${material.slice(at - length, at)}`
  }
  const system = [
    { type: 'text', text: 'You are an agent.' },
    { type: 'text', text: take(14_000) },
  ]
  const tools = TOOLS.map((name) => {
    const properties = { path: { type: 'string', description: take(300) }, limit: { type: 'integer' } }
    return { name, description: take(3000), input_schema: { type: 'object', properties, required: ['path'] } }
  })
  const messages = [{ role: 'user', content: take(500) }]
  return {
    /** Adds turns of so many characters: what the agent said, a call, and its result. */
    grow(length) {
      const end = characters + length
      while (characters < end) {
        const size = Math.min(end - characters, 4000)
        const id = `toolu_${count}`
        const input = {
          file_path: `/srv/project/${count}.ts`,
          old_string: take(size * 0.1),
          new_string: take(size * 0.15),
        }
        messages.push(
          {
            role: 'assistant',
            content: [
              { type: 'text', text: take(size * 0.1) },
              { type: 'tool_use', id, name: 'Edit', input },
            ],
          },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: take(size * 0.65) }] },
        )
        characters += size
      }
    },
    request: () => ({ model: 'claude-opus-5', max_tokens: 32_000, stream: true, system, tools, messages }),
    body() {
      const metadata = { user_id: `user_0_account__session_${seed}` }
      return Buffer.from(JSON.stringify({ ...this.request(), metadata }))
    },
  }
}

/** Keeps the numbers of two conversations apart. */
const MOST_TURNS = 1_000_000
