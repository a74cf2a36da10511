import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { ErrorCode } from '@ccr/sdk'
import { codeOf } from '../load/code-of.ts'

/** An answer of the admin API. */
export interface AdminAnswer {
  readonly status: number
  /** Parsed JSON, or the text itself where it is none. */
  readonly body: unknown
}

/** Why the router refused what it was asked. */
export interface ReportedFault {
  readonly code?: ErrorCode | undefined
  readonly message: string
  /** `file:line:column`. */
  readonly at?: string | undefined
}

/** What an answer with another status than 200 says of it. */
export function faultIn({ status, body }: AdminAnswer): ReportedFault {
  const { code, message, at } = Object(Object(body).error) as Partial<ReportedFault>
  return { code, message: message ?? `the router answered with status ${status}`, at }
}

const ANSWER_LIMIT = 4 * 1024 * 1024

/**
 * Calls the admin API of the router at `url` with the key of this home.
 *
 * @throws Error when there is no key, no answer within the deadline, or one above 4 MiB
 */
export function callAdmin(
  home: string,
  url: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  deadlineMs: number,
  body?: object,
): Promise<AdminAnswer> {
  const text = body && JSON.stringify(body)
  const key = readFileSync(join(home, 'run', 'admin.key'), 'utf8').trim()
  return new Promise((resolve, reject) => {
    // Without an agent: the global one may be told by the environment to go through a proxy, which would see the key.
    const call = request(new URL(path, url), {
      method,
      agent: false,
      headers: { authorization: `Bearer ${key}`, ...(text && { 'content-type': 'application/json' }) },
      signal: AbortSignal.timeout(deadlineMs),
    })
    call.once('error', (error) =>
      reject(
        deadlinePassed(error)
          ? new Error(`the router did not answer within ${deadlineMs / 1000} s`, { cause: error })
          : lost(home, error),
      ),
    )
    call.once('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > ANSWER_LIMIT)
          call.destroy(new Error(`the answer of the router is longer than ${ANSWER_LIMIT} bytes`))
        else chunks.push(chunk)
      })
      response.once('error', reject)
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString('utf8')) }),
      )
    })
    call.end(text)
  })
}

/** It was there a moment ago, and has not said what it did. */
function lost(home: string, error: Error): Error {
  if (!['ECONNRESET', 'EPIPE', 'ECONNREFUSED'].includes(codeOf(error) ?? '')) return error
  const log = join(home, 'logs', 'supervisor.log')
  const message = `the router went away before it answered (${error.message}). \`ccr status\` says how it is, and`
  return new Error(`${message} ${log} why, where it runs in the background`, { cause: error })
}

function deadlinePassed(error: Error): boolean {
  return error.name === 'TimeoutError' || error.name === 'AbortError'
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
