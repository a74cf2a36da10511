/** The cost bounds of the router: CPU time of a target's process against a reference measured in the same run. */
export const GATES = [
  {
    cell: 'hot/small/c64',
    of: 'request',
    target: 'ccr',
    reference: 'ref-fastify',
    bound: 1.5,
    what: '1 KB, translated',
  },
  {
    cell: 'hot/medium/c64',
    of: 'request',
    target: 'ccr',
    reference: 'ref-fastify',
    bound: 1.5,
    what: '60 KB, translated',
  },
  {
    cell: 'lat/large/c1',
    of: 'request',
    target: 'ccr',
    reference: 'ref-fastify',
    bound: 1.5,
    what: '1 MB, translated',
  },
  {
    cell: 'pacedwarm/100x20ms',
    of: 'chunk',
    target: 'ccr',
    reference: 'ref-fastify',
    bound: 1.25,
    what: 'paced, warm',
  },
  { cell: 'paced/100x20ms', of: 'chunk', target: 'ccr', reference: 'ref-fastify', bound: 1.25, what: 'paced, fresh' },
  {
    cell: 'burst/5000/c1',
    of: 'chunk',
    target: 'ccr',
    reference: 'ref-parse',
    bound: 1.5,
    what: 'burst of 5000 chunks',
  },
  {
    cell: 'lat/medium/c1',
    of: 'request',
    target: 'ccr-pass',
    reference: 'node-pipe',
    bound: 2,
    what: '60 KB, passed through',
  },
  {
    cell: 'lat/large/c1',
    of: 'request',
    target: 'ccr-pass',
    reference: 'node-pipe',
    bound: 2,
    what: '1 MB, passed through',
  },
]

/** Targets that the gates compare. */
export const TARGETS = ['ref-fastify', 'ref-parse', 'node-pipe', 'ccr', 'ccr-pass']

/** The harness's phase of each cell. */
const PHASES = { hot: 'hot', lat: 'latency', burst: 'burst', paced: 'paced', pacedwarm: 'pacedwarm' }

/** The gates whose cell matches `pattern`. */
export function selectGates(pattern = '') {
  const wanted = new RegExp(pattern)
  return GATES.filter((gate) => wanted.test(gate.cell))
}

/** `--phases` and `--cells` of the harness for these gates. */
export function harnessCells(gates) {
  const cells = [...new Set(gates.map((gate) => gate.cell))]
  const phases = [...new Set(cells.map((cell) => PHASES[cell.split('/')[0]]))]
  return { phases: phases.join(','), cells: `^(${cells.join('|')})$` }
}

/**
 * CPU microseconds per request or chunk: the median over the repeats. A repeat that lost or garbled anything makes the
 * figure worthless, so its fault is reported instead.
 *
 * @returns {{ micros: number } | { fault: string }}
 */
export function figureOf(runs, of) {
  if (!runs?.length) return { fault: 'not measured' }
  const broken = runs.find((run) => run.error || run.err > 0 || run.alive === false || !(run.cpu_target > 0))
  if (broken) return { fault: broken.error ?? broken.first_err ?? `${broken.err ?? 0} errors, no CPU time, or it died` }
  const each = runs.map((run) => (run.cpu_target * 1e6) / (of === 'chunk' ? run.marks : run.ok))
  each.sort((a, b) => a - b)
  const middle = each.length >> 1
  return { micros: each.length % 2 ? each[middle] : (each[middle - 1] + each[middle]) / 2 }
}

/** Each gate with its figures, its ratio and whether it holds. */
export function judge(gates, cells) {
  return gates.map((gate) => {
    const target = figureOf(cells[gate.cell]?.[gate.target], gate.of)
    const reference = figureOf(cells[gate.cell]?.[gate.reference], gate.of)
    const ratio = 'micros' in target && 'micros' in reference ? target.micros / reference.micros : undefined
    return { ...gate, target, reference, names: [gate.target, gate.reference], ratio, holds: ratio <= gate.bound }
  })
}

/** The verdicts as a Markdown table. */
export function renderTable(verdicts) {
  const cell = (figure, name) =>
    'micros' in figure ? `${name} ${figure.micros.toFixed(1)}` : `${name}: ${short(figure.fault)}`
  return [
    '| Gate | Cell | CPU µs per | Router | Reference | Ratio | Bound | Holds |',
    '|---|---|---|---:|---:|---:|---:|---|',
    ...verdicts.map(({ what, cell: id, of, target, reference, names, ratio, bound, holds }) =>
      [
        '',
        what,
        `\`${id}\``,
        of,
        cell(target, names[0]),
        cell(reference, names[1]),
        ratio === undefined ? '–' : ratio.toFixed(2),
        `≤ ${bound}`,
        holds ? 'yes' : '**no**',
        '',
      ]
        .join(' | ')
        .trim(),
    ),
  ].join('\n')
}

function short(text) {
  return text.replace(/[\s|]+/g, ' ').slice(0, 60)
}
