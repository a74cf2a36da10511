import { describePlugin } from '@ccr/sdk/testing'
import { describe, it } from 'vitest'
import plugin from './index.ts'

const answer = [{ text: 'Wo? – ' }, { text: 'Da 🙂.' }, { functionCall: { name: 'lookup', args: { word: 'a' } } }].map(
  (part, index) => ({
    candidates: [{ content: { role: 'model', parts: [part] }, ...(index === 2 && { finishReason: 'STOP' }) }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 },
  }),
)

describePlugin(
  plugin,
  { streams: [{ dialect: 'gemini', answer }], invalid: [{ options: { unknown: 1 }, pointer: '/unknown' }] },
  { describe, it },
)
