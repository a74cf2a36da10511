import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { CanonicalRequest } from '@ccr/sdk'
import { CAPTURES } from '../../../test/recorded.ts'

/** A request that a real client made in the canonical dialect. */
export interface Capture {
  readonly name: string
  readonly request: CanonicalRequest
}

let read: readonly Capture[] | undefined

/** Every captured request of the canonical dialect; none, and a message, where the folder is absent. */
export function captures(): readonly Capture[] {
  return (read ??= readCaptures())
}

/** Whether a request leaves out turns that its own server keeps, so that no other server can answer it. */
export function continuesThread({ request }: Capture): boolean {
  return (request['thread'] as { readonly type?: unknown } | undefined)?.type === 'continue'
}

function readCaptures(): readonly Capture[] {
  if (!existsSync(CAPTURES)) {
    console.warn(`captured requests are skipped: ${CAPTURES} is absent`)
    return []
  }
  const names = readdirSync(CAPTURES).filter((name) => /POST_v1_messages(_count_tokens)?\.json$/.test(name))
  return names.map((name) => {
    const { body } = JSON.parse(readFileSync(`${CAPTURES}/${name}`, 'utf8')) as { body: CanonicalRequest }
    return { name, request: body }
  })
}
