import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Recorded answers of providers; the folder may be absent. */
export const FIXTURES = resolve(ROOT, process.env['CCR_FIXTURES'] ?? '../shared/fixtures')

/** Recorded requests of clients; the folder may be absent. */
export const CAPTURES = resolve(ROOT, process.env['CCR_CAPTURES'] ?? '../shared/captures')
