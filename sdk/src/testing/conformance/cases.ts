import type { CanonicalRequest, Services } from '@ccr/sdk'
import type { TestFacilities } from '../facilities.ts'
import type { TestKernelOptions } from '../kernel.ts'

/** Options that a plugin refuses, and where the fault is. */
export interface InvalidCase {
  readonly options: unknown
  /** JSON pointer of what is at fault, such as `/rpm`; `/` for the options as a whole, as where one is missing. */
  readonly pointer: string
}

/** A request and its answer, as a plugin's stream is tried with. */
export interface StreamCase {
  /** The dialect of the target: the plugin's own, or the one whose wire stage it changes. */
  readonly dialect: string
  /** What the client asks; `fixtures.toolUse()` unless given. */
  readonly request?: CanonicalRequest | undefined
  /** For a dialect that is not the plugin's own: the body that stands for every request. */
  readonly body?: object | undefined
  /** The upstream's answer: its text, or its events. Short, since it is asked for some 40 times. */
  readonly answer: string | readonly object[]
  /** `text/event-stream` unless given. */
  readonly contentType?: string | undefined
}

/** What a plugin's conformance is checked with. */
export interface ConformanceCases extends TestFacilities {
  /** Options that it accepts; the first ones are used in every check. `[{}]` unless given. */
  readonly valid?: readonly unknown[] | undefined
  readonly invalid?: readonly InvalidCase[] | undefined
  /** Streams that it reads or changes; without one, canonical events and those of Chat Completions are used. */
  readonly streams?: readonly StreamCase[] | undefined
  /** Config sections that it reads. */
  readonly sections?: Readonly<Record<string, unknown>> | undefined
  /** What it requires of other plugins. */
  readonly services?: Partial<Services> | undefined
  /** Providers beside the one that every check uses. */
  readonly providers?: TestKernelOptions['providers']
}

/** What a check gives: nothing when the plugin passes; `skipped` where another check says why it cannot run. */
export type CheckResult = 'passed' | 'skipped'

/** One rule that every plugin keeps. */
export interface ConformanceCheck {
  readonly name: string
  /** Rejects with a {@link ConformanceError} that says what is wrong and what to do. */
  run(): Promise<CheckResult>
}

/** Scales the checks; the suite's own tests have no time to wait. */
export interface ConformanceLimits {
  /** Longest activation; that of a router unless given. */
  readonly activateMs?: number | undefined
  /** Longest time until an exchange has ended whose client left; 5,000 unless given. */
  readonly abortMs?: number | undefined
  /** Growth that 20 reloads may leave, in bytes; 2 MiB unless given. */
  readonly heapBytes?: number | undefined
}

/** A rule that a plugin does not keep. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError'
}
