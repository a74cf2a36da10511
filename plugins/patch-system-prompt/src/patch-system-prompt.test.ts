import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestKernel, json } from '@ccr/sdk/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import anthropic from '../../dialect-anthropic/src/index.ts'
import scenarios from '../../route-scenarios/src/index.ts'
import plugin from './index.ts'
import { PromptFile } from './prompt-file.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ccr-prompt-'))
  file = join(folder, 'prompt.md')
  await writeFile(file, 'Be brief. ')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const block = (text: string) => ({ type: 'text', text })

async function sent(system: unknown, path = file) {
  const bodies: { system?: unknown }[] = []
  const kernel = await createTestKernel({
    plugins: [anthropic, scenarios, plugin],
    providers: [{ name: 'p', models: ['m'], dialect: 'anthropic' }],
    sections: { Router: { default: 'p,m' }, REWRITE_SYSTEM_PROMPT: path },
    upstream: ({ body }) => {
      bodies.push(JSON.parse(Buffer.from(body as string).toString()) as object)
      const usage = { input_tokens: 1, output_tokens: 1 }
      const content = [{ type: 'text', text: 'hi' }]
      return json({ id: 'm', type: 'message', role: 'assistant', model: 'm', content, stop_reason: 'end_turn', usage })
    },
  })
  const body = { model: 'claude', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }], system }
  const reply = await kernel.request({ body })
  await kernel.dispose()
  return { system: bodies[0]?.system, status: reply.status, route: reply.headers['x-ccr-route'] }
}

describe('REWRITE_SYSTEM_PROMPT', () => {
  it.each([
    ['the second block', [block('one'), block('You are … <env>here')], [block('one'), block('Be brief. <env>here')]],
    ['the third', [block('a'), block('b'), block('c <env>d')], [block('a'), block('b'), block('Be brief. <env>d')]],
    ['only the last <env>', [block('a'), block('x <env>y <env>z')], [block('a'), block('Be brief. <env>z')]],
    ['a prompt of one text', 'You are <env>here', 'Be brief. <env>here'],
    ['nothing without <env>', [block('one'), block('two')], [block('one'), block('two')]],
    ['nothing without a prompt', undefined, undefined],
  ])('replaces %s', async (_, system, expected) => {
    expect((await sent(system)).system).toEqual(expected)
  })

  it('that cannot be read leaves the prompt as it is, visibly', async () => {
    const { system, status, route } = await sent('You are <env>', join(folder, 'absent.md'))
    expect(status).toBe(200)
    expect(system).toBe('You are <env>')
    expect(route).toContain('unmatched=REWRITE_SYSTEM_PROMPT:')
    expect(route).toContain('absent.md cannot be read')
  })

  it('that is relative is not looked for in the folder of whoever started the router', async () => {
    const { system, route } = await sent('You are <env>', 'package.json')
    expect(system).toBe('You are <env>')
    expect(route).toContain("unmatched=REWRITE_SYSTEM_PROMPT: package.json is neither absolute nor below '~/'")
  })
})

describe('PromptFile', () => {
  it('reads a changed file within a second', async () => {
    let now = 0
    const prompt = new PromptFile(file, () => now)
    expect(await prompt.read()).toBe('Be brief. ')
    await writeFile(file, 'Be long, and thorough. ')
    expect(await prompt.read()).toBe('Be brief. ')
    now += 1_000
    expect(await prompt.read()).toBe('Be long, and thorough. ')
  })
})
