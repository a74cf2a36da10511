import type { GenerationReport } from '../host/admin/generation-report.ts'
import { callAdmin } from './admin.ts'

export type { GenerationReport }

/** A fault that kept a config or plugin out. */
export interface ReportedFault {
  readonly message: string
  /** `file:line:column`. */
  readonly at?: string | undefined
}

const READ_DEADLINE_MS = 5_000
/** Activation of plugins included. */
const RELOAD_DEADLINE_MS = 120_000

/** `GET /api/generation`. */
export async function readGeneration(home: string, url: string): Promise<GenerationReport> {
  const { status, body } = await callAdmin(home, url, 'GET', '/api/generation', READ_DEADLINE_MS)
  if (status !== 200) throw new Error(faultIn(body, status).message)
  return body as GenerationReport
}

/** `POST /api/reload`: the new generation, or why there is none. */
export async function requestReload(home: string, url: string): Promise<GenerationReport | ReportedFault> {
  const { status, body } = await callAdmin(home, url, 'POST', '/api/reload', RELOAD_DEADLINE_MS)
  return status === 200 ? (body as GenerationReport) : faultIn(body, status)
}

function faultIn(body: unknown, status: number): ReportedFault {
  const error = Object(Object(body).error) as Partial<ReportedFault>
  return { message: error.message ?? `the router answered with status ${status}`, at: error.at }
}
