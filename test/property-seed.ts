import fc from 'fast-check'

const runs = process.env['CCR_FUZZ_RUNS']
// The suite draws the same cases in every run, so that it fails for a change and not by chance; fuzzing draws new ones.
fc.configureGlobal(runs === undefined ? { seed: 20_261_122 } : { numRuns: Number(runs) })
