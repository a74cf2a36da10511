import { CcrError, Secret, type PluginHttp } from '@ccr/sdk'
// Types alone: the library takes long to load, and only a router that asks Vertex AI needs it.
import type { AuthClient } from 'google-auth-library'
import { loginFault } from './login-fault.ts'
import { isProject } from './place.ts'

/** A service account. */
export interface Account {
  readonly client_email?: string | undefined
  readonly private_key?: string | undefined
}

/** What a login gives for a request. */
export interface Grant {
  readonly secret: Secret
  /** Pays for the requests of a user who logged in. */
  readonly quotaProject: string | undefined
}

/** What a header can carry. */
const TOKEN = /^[\x21-\x7e]+$/
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
/** For one request of the library, which tries some of them anew. */
const REQUEST_MS = 10_000
/** For a login. */
const LOGIN_MS = 20_000

/**
 * A login at Google: as the account that is given, else with the Application Default Credentials of the machine. A
 * token is kept until five minutes before its end; who asks meanwhile waits for the same request.
 */
export class GoogleLogin {
  readonly #account: Account
  readonly #fetch: PluginHttp['fetch']
  readonly #loginMs: number
  #client: Promise<AuthClient> | undefined
  #asking: Promise<Grant> | undefined
  #last: { readonly token: string; readonly grant: Grant } | undefined
  #project: string | undefined

  constructor(account: Account, fetch: PluginHttp['fetch'], loginMs = LOGIN_MS) {
    this.#account = account
    this.#fetch = fetch
    this.#loginMs = loginMs
  }

  /** @throws CcrError `CCR_UPSTREAM_ACCESS` without usable credentials, `CCR_UPSTREAM_NETWORK` without an answer */
  grant(): Promise<Grant> {
    return (this.#asking ??= this.#tried((client) => this.#ask(client)).finally(() => (this.#asking = undefined)))
  }

  /** The project of the credentials, that which pays for their user, that of `gcloud`, or that of the machine. */
  async project(): Promise<string | undefined> {
    return this.#tried(async ({ projectId, quotaProjectId }) => {
      if (projectId || quotaProjectId) return projectId || quotaProjectId
      if (this.#project !== undefined) return this.#project
      const { GoogleAuth } = await import('google-auth-library')
      return (this.#project = await new GoogleAuth().getProjectId().catch(() => undefined))
    })
  }

  /** Forgets what was refused, unless that has happened: credentials are read anew. */
  forget(grant: Grant): void {
    if (grant !== this.#last?.grant) return
    this.#last = undefined
    this.#client = undefined
  }

  async #tried<T>(use: (client: AuthClient) => Promise<T>): Promise<T> {
    try {
      return await within(this.#loginMs, async () => use(await (this.#client ??= this.#open())))
    } catch (thrown) {
      // The file of the credentials may be another one by the next time.
      this.#client = undefined
      throw loginFault(thrown)
    }
  }

  async #ask(client: AuthClient): Promise<Grant> {
    const { token } = await client.getAccessToken()
    // What the server answered was checked by nobody.
    if (typeof token !== 'string' || !TOKEN.test(token))
      throw new CcrError('CCR_UPSTREAM_ACCESS', 'Google gave no token; check the credentials')
    if (this.#last?.token !== token)
      this.#last = { token, grant: { secret: new Secret(token), quotaProject: quotaProjectOf(client) } }
    return this.#last.grant
  }

  async #open(): Promise<AuthClient> {
    const { GoogleAuth, JWT } = await import('google-auth-library')
    const { client_email: email, private_key: key } = this.#account
    if ((email === undefined) !== (key === undefined)) {
      const missing = email === undefined ? 'client_email' : 'private_key'
      throw new CcrError('CCR_UPSTREAM_ACCESS', `a service account needs client_email and private_key; add ${missing}`)
    }
    // A project is named so that the library does not run `gcloud` to find one; nothing else reads it.
    const client: AuthClient =
      email === undefined
        ? await new GoogleAuth({ scopes: SCOPE, projectId: 'unused' }).getClient()
        : new JWT({ email, key: key!.replaceAll('\\n', '\n'), scopes: [SCOPE] })
    this.#route(client)
    return client
  }

  /**
   * Sends what the client sends through the router. Not what it asks the metadata server of its machine: that is never
   * beyond a proxy, and the library has no place for another way to it.
   */
  #route(client: AuthClient): void {
    client.transporter.defaults.fetchImplementation = (url, init) => this.#send(url, init)
    // One that acts as another account logs in by a client of its own, which the library's types hide.
    const { sourceClient } = client as unknown as { readonly sourceClient?: AuthClient }
    if (sourceClient) this.#route(sourceClient)
  }

  async #send(url: string | URL | Request, init?: RequestInit): Promise<Response> {
    // Whatever form they have, it gives their bytes and their content type.
    const request = new Request(url, init)
    const body = new Uint8Array(await request.arrayBuffer())
    return this.#fetch(request.url, {
      method: request.method,
      headers: Object.fromEntries(request.headers),
      timeoutMs: REQUEST_MS,
      signal: request.signal,
      ...(body.length > 0 && { body }),
    })
  }
}

function quotaProjectOf({ quotaProjectId: name }: AuthClient): string | undefined {
  return typeof name === 'string' && isProject(name) ? name : undefined
}

async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const fault = new CcrError('CCR_UPSTREAM_NETWORK', `the login at Google took longer than ${ms} ms; try again`)
    timer = setTimeout(() => reject(fault), ms)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
