import { expect, it } from 'vitest'
import type { DocumentBlock } from './canonical.ts'
import { documentText } from './document-text.ts'

it.each<[string, DocumentBlock['source'], string | undefined]>([
  ['text', { type: 'text', media_type: 'text/plain', data: 'a,ü' }, 'a,ü'],
  ['bytes of text', { type: 'base64', media_type: 'text/csv', data: 'YSzDvA==' }, 'a,ü'],
  ['bytes of text, whatever its case and charset', { type: 'base64', media_type: 'Text/CSV; a=b', data: 'YQ' }, 'a'],
  ['a data URL', { type: 'base64', media_type: 'text/csv', data: 'data:text/csv;base64,YSzDvA==' }, 'a,ü'],
  ['bytes of something else', { type: 'base64', media_type: 'application/pdf', data: 'YQ' }, undefined],
  ['bytes of a type that nobody says', { type: 'base64', data: 'YQ' }, undefined],
  ['an address', { type: 'url', url: 'https://host/a.txt', media_type: 'text/plain' }, undefined],
  ['text without any', { type: 'text' }, undefined],
])('the text of %s', (_name, source, text) => {
  expect(documentText({ type: 'document', source })).toBe(text)
})
