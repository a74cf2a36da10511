import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRouter, type RunningRouter } from '../../kernel/test/support/router.ts'
import { FIXTURES } from '../recorded.ts'
import { TARGETS, type TargetName } from './answers.ts'
import { createClients, type Client, type Understood } from './clients.ts'

/** Recorded exchanges by the protocol of the upstream: a folder of answers, or the beginning of their names. */
const RECORDED: Readonly<Record<TargetName, readonly string[]>> = {
  anthropic: [
    'anthropic/fantasy__AnthropicCommon__claude-sonnet-4__simple/',
    'anthropic/fantasy__AnthropicCommon__claude-sonnet-4__tool/',
    'anthropic/fantasy__AnthropicCommon__claude-sonnet-4__multi_tool_streaming/',
    'anthropic/fantasy__AnthropicThinking__claude-sonnet-4__thinking/',
    'llama-server/tiny-think-messages',
  ],
  openai: ['llama-server/tiny-chat', 'llama-server/tiny-think-chat', 'llama-server/tiny-tool-chat'],
  'openai-responses': [
    'openai/fantasy__OpenAIResponsesCommon__openai-gpt-5__simple_streaming/',
    'openai/fantasy__OpenAIResponsesCommon__openai-gpt-5__tool_streaming/',
    'deepseek/rubyllm__chat_responses_protocol_dialects_with_deepseek_deepseek-v4-flash_streams_reasoning_deltas/',
  ],
  gemini: [
    'gemini/fantasy__GoogleCommon__gemini-3-pro-preview__simple/',
    'gemini/fantasy__GoogleCommon__gemini-3-pro-preview__simple_streaming/',
    'gemini/fantasy__GoogleCommon__gemini-3-pro-preview__multi_tool/',
    'gemini/fantasy__GoogleCommon__gemini-3-pro-preview__tool_streaming/',
  ],
}

/** Whose SDK says what the bytes of an upstream mean. */
const ORACLES: Readonly<Record<TargetName, string>> = {
  anthropic: '@anthropic-ai/sdk',
  openai: 'openai (chat)',
  'openai-responses': 'openai (responses)',
  gemini: '@google/genai',
}

interface Recording {
  readonly target: TargetName
  readonly name: string
}

function recordings(): readonly Recording[] {
  return TARGETS.flatMap((target) =>
    RECORDED[target].flatMap((place) => {
      const cut = place.lastIndexOf('/') + 1
      return readdirSync(join(FIXTURES, place.slice(0, cut)))
        .filter((name) => name.startsWith(place.slice(cut)) && /\.response\.(?:sse|json)$/.test(name))
        .map((name) => ({ target, name: place.slice(0, cut) + name }))
    }),
  )
}

/** Answers every request with one recording. */
class Replay {
  readonly #server: Server
  #recording = ''

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume().once('end', () => {
        const type = this.#recording.endsWith('.sse') ? 'text/event-stream' : 'application/json'
        response.setHeader('content-type', type).end(readFileSync(join(FIXTURES, this.#recording)))
      })
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((listening) => this.#server.listen(0, '127.0.0.1', listening))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  play({ name }: Recording): void {
    this.#recording = name
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

if (!existsSync(FIXTURES)) {
  console.warn(
    `recorded upstreams are not tried: there is no ${FIXTURES}; name the folder of recordings by CCR_FIXTURES`,
  )
  it('recorded upstreams', ({ skip }) => skip('CCR_FIXTURES names no folder of recordings'))
} else
  describe('a recorded upstream is understood alike', () => {
    const replay = new Replay()
    let router: RunningRouter
    let direct: Readonly<Record<string, Client>>
    let routed: Readonly<Record<string, Client>>

    beforeAll(async () => {
      const origin = await replay.start()
      const Providers = TARGETS.map((dialect) => {
        const api_base_url = dialect === 'gemini' ? `${origin}/v1beta/models` : origin
        return { name: dialect, dialect, api_base_url, api_key: 'sk-upstream', models: ['m'] }
      })
      router = await startRouter({ config: { Providers } })
      direct = createClients(origin)
      routed = createClients(router.url)
    }, 40_000)

    afterAll(async () => {
      await router?.stop()
      replay.close()
    })

    it.each(recordings().map((recording) => [recording.target, recording.name, recording] as const))(
      'from %s: %s, by every official SDK as by its own',
      async (target, name, recording) => {
        replay.play(recording)
        const stream = name.endsWith('.sse')
        const understood = await direct[ORACLES[target]]!.ask({ model: 'm', text: 'hi', stream })
        expect(understood.text + understood.thinking + JSON.stringify(understood.calls)).not.toBe('[]')
        const meant = said(understood)
        for (const [client, sdk] of Object.entries(routed))
          expect(said(await sdk.ask({ model: `${target},m`, text: 'hi', stream })), client).toEqual(meant)
      },
    )
  })

/** What has the same meaning in every protocol. */
function said({ text, calls, stop }: Understood): Pick<Understood, 'text' | 'calls' | 'stop'> {
  return { text, calls, stop }
}
