import { CcrError, isCcrError, isObject } from '@ccr/sdk'

const LOG_IN = 'run `gcloud auth application-default login`'
const GIVE_OTHERS = `${LOG_IN}, or give the credentials of a service account`
const CHECK = 'check the credentials'

/**
 * Why a login failed, and what to do: subject, fact and remedy. Of what the library says only what Google itself said
 * is quoted: its own messages name paths, and may hold pieces of a credentials file.
 */
export function loginFault(thrown: unknown): CcrError {
  if (isCcrError(thrown)) return thrown.code === 'CCR_PLUGIN_CAPABILITY' ? elsewhere() : thrown
  const { message = '', code, response, config } = isObject(thrown) ? (thrown as Partial<LibraryError>) : {}
  const status = response?.status
  if (status !== undefined) return refused(status, response?.data)
  if (config !== undefined) {
    const { cause } = thrown as { readonly cause?: unknown }
    if (isCcrError(cause)) return loginFault(cause)
    return fault('CCR_UPSTREAM_NETWORK', `Google gave no token${named(codeOf(cause) ?? code)}`, 'check the network')
  }
  if (/default credentials/i.test(message))
    return fault(
      'CCR_UPSTREAM_ACCESS',
      'no Google credentials were found',
      `${LOG_IN}, set GOOGLE_APPLICATION_CREDENTIALS, or give client_email and private_key`,
    )
  if (/GOOGLE_APPLICATION_CREDENTIALS/.test(message))
    return fault(
      'CCR_UPSTREAM_ACCESS',
      'the file that GOOGLE_APPLICATION_CREDENTIALS names holds no credentials',
      'correct the variable or the file',
    )
  return fault('CCR_UPSTREAM_ACCESS', `the Google credentials cannot be used${named(code)}`, CHECK)
}

/** What the library and its HTTP client throw. */
interface LibraryError {
  readonly message: string
  readonly code: unknown
  readonly response: { readonly status?: number; readonly data?: unknown } | undefined
  /** Of the request that failed. */
  readonly config: unknown
}

/** Credentials of other clouds name servers of their own; what is sent there would be a credential too. */
function elsewhere(): CcrError {
  return fault('CCR_UPSTREAM_ACCESS', 'the credentials ask a server that is none of Google', GIVE_OTHERS)
}

function refused(status: number, data: unknown): CcrError {
  const { error, error_description: why } = isObject(data) ? data : {}
  const words = [error, why].filter((word) => typeof word === 'string').join(': ')
  const fact = `Google answered the login with ${status}${words === '' ? '' : ` (${words})`}`
  if (status >= 500 || status === 429) return fault('CCR_UPSTREAM_NETWORK', fact, 'try again')
  return fault('CCR_UPSTREAM_ACCESS', fact, GIVE_OTHERS)
}

function fault(code: 'CCR_UPSTREAM_ACCESS' | 'CCR_UPSTREAM_NETWORK', fact: string, remedy: string): CcrError {
  return new CcrError(code, `${fact}; ${remedy}`)
}

function named(code: unknown): string {
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) ? ` (${code})` : ''
}

function codeOf(thrown: unknown): unknown {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const { code } = error as { readonly code?: unknown }
    if (typeof code === 'string') return code
  }
  return undefined
}
