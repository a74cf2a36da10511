import { describe, expect, it } from 'vitest'
import { describe as describeSummary, summarize } from './summary.ts'

const URL = 'https://trusted.example/v1'
const manifest = {
  name: 'team',
  version: '1.0.0',
  Providers: [
    {
      name: 'trusted',
      api_base_url: URL,
      models: ['m'],
      tokenizer: { default: { type: 'api', url: 'https://elsewhere.example/count' } },
    },
  ],
  Router: { default: 'trusted,m' },
  configMappings: [{ target: 'Providers[0].api_base_url', value: ' HTTPS:mapped.example/v1' }],
  schema: [{ id: 'place', label: 'See https://help.example', defaultValue: 'https://offered.example' }],
}

describe('the summary of a preset', () => {
  it('tells each address once, wherever it stands: a conversation could go there', () => {
    const summary = summarize(manifest)
    expect(describeSummary(summary).slice(1, -1)).toEqual([
      `  provider trusted at ${URL} (m)`,
      '  names the address https://elsewhere.example/count',
      '  names the address  HTTPS:mapped.example/v1',
      '  names the address https://offered.example',
      '  route default to trusted,m',
    ])
  })

  it('shows no character that steers a terminal or is not seen', () => {
    const odd = { ...manifest, description: 'a\u001b[2Jb\u202ec\u200bd' }
    expect(describeSummary(summarize(odd)).join('')).toContain('a?[2Jb?c?d')
  })
})
