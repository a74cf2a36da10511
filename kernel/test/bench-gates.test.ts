import { describe, expect, it } from 'vitest'
import { figureOf, GATES, harnessCells, judge, renderTable, selectGates, TARGETS } from '../bench/gates.mjs'

const run = (cpu_target: number, fields: object = {}): object => ({
  ok: 100,
  err: 0,
  marks: 1000,
  alive: true,
  cpu_target,
  ...fields,
})

describe('figureOf', () => {
  it('takes the median of CPU time per request or chunk', () => {
    expect(figureOf([run(0.03), run(0.01), run(0.02)], 'request')).toEqual({ micros: 200 })
    expect(figureOf([run(0.03), run(0.01)], 'chunk')).toEqual({ micros: 20 })
  })

  it.each([
    ['nothing was measured', []],
    ['a run failed', [run(0.01), { error: 'did not start' }]],
    ['a run lost answers', [run(0.01), run(0.01, { err: 1 })]],
    ['the process died', [run(0.01, { alive: false })]],
    ['no CPU time was seen', [run(0)]],
  ])('gives no figure when %s', (_, runs) => {
    expect(figureOf(runs, 'request')).toHaveProperty('fault')
  })
})

describe('judge', () => {
  const gates = selectGates('^burst')
  const cells = (router: number): object => ({ 'burst/5000/c1': { ccr: [run(router)], 'ref-parse': [run(0.01)] } })

  it('holds up to the bound and not beyond', () => {
    expect(judge(gates, cells(0.015))).toMatchObject([{ holds: true, ratio: 1.5 }])
    expect(judge(gates, cells(0.0151))).toMatchObject([{ holds: false }])
  })

  it('does not hold without figures', () => {
    expect(judge(gates, {})).toMatchObject([{ holds: false, ratio: undefined }])
  })

  it('becomes a row of a table', () => {
    expect(
      renderTable(judge(gates, cells(0.02)))
        .split('\n')
        .at(-1),
    ).toBe('| burst of 5000 chunks | `burst/5000/c1` | chunk | ccr 20.0 | ref-parse 10.0 | 2.00 | ≤ 1.5 | **no** |')
  })
})

describe('the gates', () => {
  it('name cells and targets that are measured', () => {
    for (const { target, reference } of GATES) expect(TARGETS).toEqual(expect.arrayContaining([target, reference]))
    expect(harnessCells(selectGates('^lat|^hot/small'))).toEqual({
      phases: 'hot,latency',
      cells: '^(hot/small/c64|lat/large/c1|lat/medium/c1)$',
    })
  })

  it('are the bounds that were agreed on', () => {
    expect(GATES.map(({ cell, target, reference, bound }) => [cell, target, reference, bound])).toEqual([
      ['hot/small/c64', 'ccr', 'ref-fastify', 1.5],
      ['hot/medium/c64', 'ccr', 'ref-fastify', 1.5],
      ['lat/large/c1', 'ccr', 'ref-fastify', 1.5],
      ['pacedwarm/100x20ms', 'ccr', 'ref-fastify', 1.25],
      ['paced/100x20ms', 'ccr', 'ref-fastify', 1.25],
      ['burst/5000/c1', 'ccr', 'ref-parse', 1.5],
      ['lat/medium/c1', 'ccr-pass', 'node-pipe', 2],
      ['lat/large/c1', 'ccr-pass', 'node-pipe', 2],
    ])
  })
})
