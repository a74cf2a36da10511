import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The key of a service account, as its file holds it. */
export const PRIVATE_KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
export const EMAIL = 'router@project-of-file.iam.gserviceaccount.com'
/** The file of a service account. */
export const SERVICE_ACCOUNT = {
  type: 'service_account',
  project_id: 'project-of-file',
  private_key_id: 'k1',
  private_key: PRIVATE_KEY,
  client_email: EMAIL,
  token_uri: 'https://evil.example/token',
}
/** The file of a user who logged in. */
export const USER = {
  type: 'authorized_user',
  client_id: 'client',
  client_secret: 'client-secret-0123',
  refresh_token: 'refresh-token-0123',
  quota_project_id: 'project-of-user',
}

/** What the servers of Google that give tokens were asked. */
export interface Asked {
  /** The host that was meant. */
  readonly host: string
  readonly path: string
  readonly form: URLSearchParams
  readonly headers: IncomingMessage['headers']
}

/** Google's servers for tokens, on loopback. */
export interface Google {
  readonly url: string
  readonly host: string
  readonly asked: readonly Asked[]
  /** Answers the next requests: status and body, in turn; the last one stays. */
  next: (readonly [number, object])[]
  /** What tokens say of their life. */
  expiresIn: number
  /** For `http` of a test kernel: what goes to Google arrives here. */
  readonly http: (request: Request) => Promise<Response>
  close(): Promise<void>
}

/** Starts them: a login with the key above, or as the user above, is given `token-1`, `token-2` … */
export async function startGoogle(): Promise<Google> {
  const asked: Asked[] = []
  let tokens = 0
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => void parts.push(part))
    request.on('end', () => {
      const { headers, url: path = '' } = request
      const form = new URLSearchParams(Buffer.concat(parts).toString())
      asked.push({ host: String(headers['x-meant-for'] ?? headers.host), path, form, headers })
      const fixed = google.next.length > 1 ? google.next.shift() : google.next[0]
      const [status, body] = fixed ?? (isGood(form, path) ? good() : [400, { error: 'invalid_grant' }])
      response.writeHead(status, { 'content-type': 'application/json', 'metadata-flavor': 'Google' })
      response.end(JSON.stringify(body))
    })
  })
  const good = (): readonly [number, object] => [
    200,
    { access_token: `token-${++tokens}`, token_type: 'Bearer', expires_in: google.expiresIn },
  ]
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const google: Google = {
    url: `http://${host}`,
    host,
    asked,
    next: [],
    expiresIn: 3600,
    http: async (request) => {
      const { host: meant, pathname, search } = new URL(request.url)
      const headers = { ...Object.fromEntries(request.headers), 'x-meant-for': meant, connection: 'close' }
      const body = await request.text()
      return fetch(`http://${host}${pathname}${search}`, {
        method: request.method,
        headers,
        ...(body !== '' && { body }),
        signal: request.signal,
      })
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return google
}

function isGood(form: URLSearchParams, path: string): boolean {
  if (path.startsWith('/computeMetadata/')) return true
  if (form.get('grant_type') === 'refresh_token') return form.get('refresh_token') === USER.refresh_token
  const [head = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.')
  const signed = verify(
    'RSA-SHA256',
    Buffer.from(`${head}.${claims}`),
    createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })),
    Buffer.from(signature, 'base64url'),
  )
  return signed && claimsOf(form)['iss'] === EMAIL
}

/** What an assertion claims. */
export function claimsOf(form: URLSearchParams): Readonly<Record<string, unknown>> {
  const [, claims = ''] = (form.get('assertion') ?? '').split('.')
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Readonly<Record<string, unknown>>
}
