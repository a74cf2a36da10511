import { createRequire } from 'node:module'
import type { Plugin } from '@ccr/sdk'
import { activatesOffline, disposesTwice, registersWhatItDeclares } from './activation.ts'
import type { CheckResult, ConformanceCases, ConformanceCheck, ConformanceLimits } from './cases.ts'
import { handlersWork, inputsAreKept } from './inputs.ts'
import { optionsAreClosed, optionsFitCases } from './options.ts'
import { reloadsAreFlat } from './reloads.ts'
import { abortLeavesNothing, cutsChangeNothing } from './streams.ts'
import type { Subject } from './world.ts'

/** What runs tests: the `describe` and `it` of node:test, of vitest, or of another. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown
  it(name: string, body: () => Promise<void>): unknown
}

const CHECKS: readonly (readonly [name: string, run: (subject: Subject) => Promise<CheckResult>])[] = [
  ['its options are closed and documented', optionsAreClosed],
  ['its options are accepted and refused as the cases say', optionsFitCases],
  ['it activates in time, without a network', activatesOffline],
  ['it registers what it declares', registersWhatItDeclares],
  ['its handlers take part in an exchange', handlersWork],
  ['it does not change what it is given', inputsAreKept],
  ['an answer cut at any byte stays the same', cutsChangeNothing],
  ['a client that leaves leaves nothing behind', abortLeavesNothing],
  ['20 reloads leave nothing behind', reloadsAreFlat],
  ['disposing it twice is harmless', disposesTwice],
]

/** The rules that every plugin keeps, to be run one after the other. */
export function conformanceChecks(
  plugin: Plugin,
  cases: ConformanceCases = {},
  limits: ConformanceLimits = {},
): readonly ConformanceCheck[] {
  const subject: Subject = { plugin, cases, limits }
  // As a promise, whether a check waits or not.
  return CHECKS.map(([name, run]) => ({ name, run: async () => run(subject) }))
}

/**
 * Declares the conformance tests of a plugin.
 *
 * @param runner node:test's unless given
 * @example
 * describePlugin(rateLimit, {
 *   valid: [{ rpm: 1 }],
 *   invalid: [{ options: { rpm: 0 }, pointer: '/rpm' }],
 * })
 */
export function describePlugin(plugin: Plugin, cases: ConformanceCases = {}, runner: TestRunner = nodeRunner()): void {
  runner.describe(`the plugin ${plugin.name}`, () => {
    for (const { name, run } of conformanceChecks(plugin, cases)) {
      runner.it(name, async () => void (await run()))
    }
  })
}

/** Loaded when it is wanted: it sees to the exit code of a process that imports it. */
function nodeRunner(): TestRunner {
  return createRequire(import.meta.url)('node:test') as TestRunner
}
