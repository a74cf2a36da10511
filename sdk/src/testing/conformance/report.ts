import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findPluginFile, loadCodeFile, loadPluginFile } from '@ccr/kernel'
import { CcrError, isCcrError, messageOf, type Plugin } from '@ccr/sdk'
import type { CheckResult, ConformanceCases } from './cases.ts'
import { conformanceChecks } from './describe.ts'

/** How one check went. */
export interface CheckReport {
  readonly check: string
  readonly result: CheckResult | 'failed'
  readonly reason?: string | undefined
}

export interface TestPluginOptions {
  /** One line of JSON in the place of a line for each check. */
  readonly json: boolean
  readonly print: (line: string) => void
  /** Called as each check begins, first when the code of the plugin was run. */
  readonly begins?: ((check: string) => void) | undefined
}

/**
 * Loads the plugin at a path and runs its conformance checks, with the cases of the file `conformance` beside it.
 *
 * @returns whether it passes all of them
 */
export async function testPlugin(path: string, { json, print, begins }: TestPluginOptions): Promise<boolean> {
  const reports: CheckReport[] = []
  let name: string | undefined
  try {
    const { plugin, cases } = await load(path)
    name = plugin.name
    for (const { name: check, run } of conformanceChecks(plugin, cases)) {
      begins?.(check)
      const report = await reportOf(check, run)
      reports.push(report)
      if (!json) print(toLine(report))
    }
  } catch (thrown) {
    if (!isCcrError(thrown)) throw thrown
    const report = { check: 'it can be loaded', result: 'failed', reason: thrown.message } as const
    reports.push(report)
    if (!json) print(toLine(report))
  }
  const failed = reports.filter(({ result }) => result === 'failed').length
  if (json) print(JSON.stringify({ plugin: name, passed: failed === 0, checks: reports }))
  else
    print(failed === 0 ? `${name} passes all ${reports.length} checks` : `${failed} of ${reports.length} checks failed`)
  return failed === 0
}

async function reportOf(check: string, run: () => Promise<CheckResult>): Promise<CheckReport> {
  try {
    return { check, result: await run() }
  } catch (thrown) {
    return { check, result: 'failed', reason: messageOf(thrown) }
  }
}

function toLine({ check, result, reason }: CheckReport): string {
  if (result === 'failed') return `not ok  ${check}: ${reason}`
  return result === 'passed' ? `ok      ${check}` : `skipped ${check}: another check says why`
}

interface Loaded {
  readonly plugin: Plugin
  readonly cases: ConformanceCases
}

async function load(path: string): Promise<Loaded> {
  const { file, folder } = await findPluginFile(path)
  const loaded = await loadPluginFile(file)
  if ('error' in loaded) throw loaded.error
  const folders = new Set([dirname(file), ...(folder === undefined ? [] : [folder, join(folder, 'src')])])
  for (const place of folders) {
    for (const extension of ['ts', 'js', 'mjs', 'json']) {
      const found = join(place, `conformance.${extension}`)
      if (await stat(found).catch(() => undefined)) return { plugin: loaded.plugin, cases: await loadCases(found) }
    }
  }
  return { plugin: loaded.plugin, cases: {} }
}

async function loadCases(file: string): Promise<ConformanceCases> {
  const exported = file.endsWith('.json') ? await readJson(file) : await evaluate(file)
  // What the checks read of it they check themselves.
  if (typeof exported === 'object' && exported !== null) return exported as ConformanceCases
  const fact = `${file} exports no cases`
  throw new CcrError('CCR_PLUGIN_LOAD', `${fact}. End it with: export default { valid: [{}] }`, { at: file })
}

async function evaluate(file: string): Promise<unknown> {
  const loaded = await loadCodeFile(file)
  if ('error' in loaded) throw loaded.error
  return loaded.code.exported
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new CcrError('CCR_PLUGIN_LOAD', `${file} is not JSON: ${messageOf(cause)}. Correct it.`, { at: file, cause })
  }
}
