import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCounter } from './standard-counter.ts'
import { CL100K_WEIGHTS, estimateCost, estimateText, O200K_WEIGHTS } from './text-estimate.ts'

const counters = await Promise.all([
  createCounter({ encoding: 'cl100k_base' }).then((count) => ({ count, weights: CL100K_WEIGHTS })),
  createCounter({ encoding: 'o200k_base' }).then((count) => ({ count, weights: O200K_WEIGHTS })),
])
const numbers = Array.from({ length: 200 }, (_, index) => index)

describe('the estimate of a text', () => {
  it.each([
    ['English', 'The router reads its config when it starts, and again whenever the file has changed.'],
    [
      'TypeScript',
      'export function pieceEnd(text: string): number {\n  return text.length > 0 ? text.length - 1 : 0\n}\n',
    ],
    ['JSON', '{"type":"object","properties":{"path":{"type":"string","description":"A file."}},"required":["path"]}'],
    ['minified code', 'function a(b,c){return b.d(c)?e.f(g=>h[g]++):(i=j&&k||l,m.n=o)}var p={q:1,r:[2,3]};'],
    ['Base64', Buffer.from(numbers.map((one) => (one * 7919) % 251)).toString('base64')],
    ['hexadecimal digits', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
    ['UUIDs', '3f2504e0-4f89-11d3-9a0c-0305e82c3301\n'],
    ['numbers, one a line', numbers.join('\n')],
    ['a table', numbers.map((one) => `${one},foo,${one * 3.5},bar`).join('\n')],
    ['short lines', 'yes\nno\nmaybe\n'],
    ['a word without end', 'abcdefghijklmnopqrstuvwxyzqwertyuiopasdfghjklzxcvbnm'],
    ['Chinese', '这是一个测试文本，用来衡量分词器的准确性。'],
    ['Japanese', 'これはトークナイザーの精度を測るためのテキストです。'],
    ['Korean', '이것은 토크나이저의 정확도를 측정하기 위한 텍스트입니다.'],
    ['Russian', 'Это проверочный текст для оценки токенизатора. '],
    ['German', 'Größere Anfragen gehen an ein anderes Modell; dafür müssen Zähler genau schätzen. '],
    ['Vietnamese', 'Đây là văn bản kiểm tra để ước tính số lượng mã thông báo. '],
    ['Greek', 'Αυτό είναι ένα δοκιμαστικό κείμενο. '],
    ['Arabic', 'هذا نص اختبار لتقدير عدد الرموز. '],
    ['Hebrew', 'זהו טקסט בדיקה להערכת מספר האסימונים. '],
    ['Hindi', 'यह टोकन की संख्या का अनुमान लगाने के लिए एक परीक्षण पाठ है। '],
    ['Thai', 'สวัสดีครับ นี่คือข้อความทดสอบสำหรับการประเมินจำนวนโทเค็น '],
    ['Georgian', 'ეს არის სატესტო ტექსტი. '],
    ['emoji', '🙂🚀🔥👍🎉😀🤖✨💡🐛 '],
    ['boxes', '│ ├── src ─── └── dist ═══ → ← ✓ ✗ … — “quoted” •\n'],
  ])('in %s is less than a factor of two off, short and long', (_, unit) => {
    for (const { count, weights } of counters) {
      for (const text of [unit.repeat(Math.ceil(2000 / unit.length)), unit.repeat(Math.ceil(60_000 / unit.length))]) {
        const ratio = estimateText(text, weights) / count(text)
        expect(ratio).toBeGreaterThan(0.5)
        expect(ratio).toBeLessThan(2)
      }
    }
  })

  it('is positive for any text with characters, and looks at a bounded part of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat({ max: 400 }), (unit, times) => {
        const text = unit.repeat(times)
        expect(estimateText(text, CL100K_WEIGHTS) > 0).toBe(text !== '')
        expect(estimateCost(text)).toBeLessThanOrEqual(4096)
      }),
      { numRuns: 50 },
    )
  })
})
