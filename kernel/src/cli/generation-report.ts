import type { GenerationReport } from '../host/admin/generation-report.ts'
import { callAdmin, faultIn, type ReportedFault } from './admin.ts'

export type { GenerationReport }

const READ_DEADLINE_MS = 5_000
/** Activation of plugins included. */
const RELOAD_DEADLINE_MS = 120_000

/** `GET /api/generation`. */
export async function readGeneration(home: string, url: string): Promise<GenerationReport> {
  const answer = await callAdmin(home, url, 'GET', '/api/generation', READ_DEADLINE_MS)
  if (answer.status !== 200) throw new Error(faultIn(answer).message)
  return answer.body as GenerationReport
}

/** `POST /api/reload`: the new generation, or why there is none. */
export async function requestReload(home: string, url: string): Promise<GenerationReport | ReportedFault> {
  const answer = await callAdmin(home, url, 'POST', '/api/reload', RELOAD_DEADLINE_MS)
  return answer.status === 200 ? (answer.body as GenerationReport) : faultIn(answer)
}
