/** One bound: what `target` costs per request or chunk, over what `reference` costs in the same run. */
export interface Gate {
  readonly cell: string
  readonly of: 'request' | 'chunk'
  readonly target: string
  readonly reference: string
  readonly bound: number
  readonly what: string
}

export type Figure = { readonly micros: number } | { readonly fault: string }

export interface Verdict extends Omit<Gate, 'target' | 'reference'> {
  readonly target: Figure
  readonly reference: Figure
  readonly names: readonly [string, string]
  readonly ratio: number | undefined
  readonly holds: boolean
}

export const GATES: readonly Gate[]
export const TARGETS: readonly string[]
export function selectGates(pattern?: string): readonly Gate[]
export function harnessCells(gates: readonly Gate[]): { readonly phases: string; readonly cells: string }
export function figureOf(runs: readonly object[] | undefined, of: Gate['of']): Figure
export function judge(gates: readonly Gate[], cells: object): readonly Verdict[]
export function renderTable(verdicts: readonly Verdict[]): string
