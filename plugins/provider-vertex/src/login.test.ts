import { writeFileSync } from 'node:fs'
import { json, type TestReply } from '@ccr/sdk/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { claimsOf, EMAIL, PRIVATE_KEY, SERVICE_ACCOUNT, USER } from '../test/google.ts'
import { startWorld, type World, type WorldOptions } from '../test/world.ts'

const IAM = 'https://iamcredentials.googleapis.com'

let world: World | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

async function start(options: WorldOptions = {}): Promise<World> {
  return (world = await startWorld(options))
}

function errorOf(reply: TestReply): string {
  return (reply.json() as { error: { message: string } }).error.message
}

/** The tokens with which the server was asked. */
const tokens = (): unknown[] => world!.sent.map(({ headers }) => headers['authorization'])

describe('a login', () => {
  it.each([
    ['as it is', PRIVATE_KEY],
    ['with line ends as text', PRIVATE_KEY.replaceAll('\n', '\\n')],
  ])('as the service account of the options, its key %s', async (_, private_key) => {
    const { ask, google } = await start({ options: { client_email: EMAIL, private_key, project: 'p' } })
    expect((await ask()).status).toBe(200)
    expect(google.asked).toHaveLength(1)
    const [{ host, path, form }] = google.asked as [(typeof google.asked)[0]]
    expect([host, path, form.get('grant_type')]).toEqual([
      'oauth2.googleapis.com',
      '/token',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
    ])
    const scope = 'https://www.googleapis.com/auth/cloud-platform'
    expect(claimsOf(form)).toMatchObject({ iss: EMAIL, scope, aud: 'https://oauth2.googleapis.com/token' })
    expect(tokens()).toEqual(['Bearer token-1'])
  })

  it('as the service account of a file goes to Google whatever the file names, and knows the project', async () => {
    const { ask, google } = await start({ options: {}, credentials: SERVICE_ACCOUNT })
    expect((await ask()).status).toBe(200)
    expect(google.asked.map(({ host }) => host)).toEqual(['oauth2.googleapis.com'])
    expect(world!.last.url).toContain('/projects/project-of-file/')
    expect(world!.last.headers).not.toHaveProperty('x-goog-user-project')
  })

  it('as a user names the project that pays', async () => {
    const { ask, google } = await start({ options: {}, credentials: USER })
    expect((await ask()).status).toBe(200)
    expect(google.asked[0]!.form.get('refresh_token')).toBe(USER.refresh_token)
    expect(world!.last.url).toContain('/projects/project-of-user/')
    expect(world!.last.headers['x-goog-user-project']).toBe('project-of-user')
  })

  it('as a user who acts as a service account goes through the router in both steps', async () => {
    const acting = {
      type: 'impersonated_service_account',
      service_account_impersonation_url: `${IAM}/v1/projects/-/serviceAccounts/${EMAIL}:generateAccessToken`,
      source_credentials: USER,
    }
    const { ask, google } = await start({ options: { project: 'p' }, credentials: acting })
    const expireTime = new Date(Date.now() + 3_600_000).toISOString()
    google.next = [
      [200, { access_token: 'of-user', expires_in: 3600 }],
      [200, { accessToken: 'of-account', expireTime }],
    ]
    expect((await ask()).status).toBe(200)
    expect(google.asked.map(({ host }) => host)).toEqual(['oauth2.googleapis.com', 'iamcredentials.googleapis.com'])
    expect(tokens()).toEqual(['Bearer of-account'])
  })

  it('as the machine asks its metadata server', async () => {
    const env = { GCE_METADATA_HOST: 'GOOGLE', METADATA_SERVER_DETECTION: 'assume-present' }
    const { ask, google } = await start({ options: { project: 'p' }, env })
    expect((await ask()).status).toBe(200)
    expect(google.asked.map(({ path }) => path.split('?')[0])).toEqual([
      '/computeMetadata/v1/instance/service-accounts/default/token',
    ])
    expect(tokens()).toEqual(['Bearer token-1'])
  })

  it('is none at the start, and none with the key of the provider', async () => {
    const { ask, google } = await start({ options: { auth: 'api_key', project: 'p' } })
    expect((await ask()).status).toBe(200)
    expect(google.asked).toEqual([])
    expect(world!.last.headers).not.toHaveProperty('authorization')
    expect(world!.last.url).toContain('/projects/p/locations/global/')
  })
})

describe('a token', () => {
  it('is kept', async () => {
    const { ask, google } = await start()
    for (let turn = 0; turn < 3; turn++) await ask()
    expect([google.asked.length, tokens()]).toEqual([1, ['Bearer token-1', 'Bearer token-1', 'Bearer token-1']])
  })

  it('is fetched once for requests that come at the same time', async () => {
    const { ask, google } = await start()
    const replies = await Promise.all([ask(), ask(), ask(), ask()])
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect([google.asked.length, new Set(tokens())]).toEqual([1, new Set(['Bearer token-1'])])
  })

  it('that is near its end is not used again', async () => {
    const { ask, google } = await start()
    google.expiresIn = 120
    await ask()
    await ask()
    expect(tokens()).toEqual(['Bearer token-1', 'Bearer token-2'])
  })

  it('that is refused is replaced once, for all that were sent with it', async () => {
    const { ask, google } = await start({
      answer: ({ headers }) =>
        headers['authorization'] === 'Bearer token-1'
          ? json({ error: { code: 401, status: 'UNAUTHENTICATED', message: 'expired' } }, 401)
          : json({ type: 'message', content: [], stop_reason: 'end_turn' }),
    })
    const replies = await Promise.all([ask(), ask()])
    expect(replies.map(({ status }) => status)).toEqual([200, 200])
    expect(google.asked).toHaveLength(2)
    expect(tokens().sort()).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2', 'Bearer token-2'])
  })

  it('that is refused again is an error', async () => {
    const { ask } = await start({ answer: () => json({ error: { code: 401, message: 'no' } }, 401) })
    const reply = await ask()
    expect([reply.status, tokens()]).toEqual([502, ['Bearer token-1', 'Bearer token-2']])
  })
})

describe('a login that fails says why, and what to do', () => {
  const own = { client_email: EMAIL, private_key: PRIVATE_KEY }

  it.each<readonly [string, WorldOptions, RegExp]>([
    ['no credentials', { options: { project: 'p' } }, /no Google credentials were found; run `gcloud auth/],
    ['half of an account', { options: { client_email: EMAIL, project: 'p' } }, /add private_key$/],
    ['the other half', { options: { private_key: PRIVATE_KEY, project: 'p' } }, /add client_email$/],
    [
      'no key',
      { options: { client_email: EMAIL, private_key: 'secret-but-no-key', project: 'p' } },
      /the Google credentials cannot be used \(ERR_[A-Z0-9_]+\); check the credentials$/,
    ],
    [
      'no file',
      { options: { project: 'p' }, env: { GOOGLE_APPLICATION_CREDENTIALS: 'nowhere/secret-path.json' } },
      /the file that GOOGLE_APPLICATION_CREDENTIALS names holds no credentials; correct/,
    ],
    [
      'a file that is none',
      { options: { project: 'p' }, credentials: 'secret-but-no-json' },
      /the file that GOOGLE_APPLICATION_CREDENTIALS names holds no credentials; correct/,
    ],
    [
      'credentials of another cloud, which nothing is sent for',
      {
        options: { project: 'p' },
        credentials: {
          type: 'external_account',
          audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p',
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          token_url: 'https://sts.googleapis.com/v1/token',
          credential_source: { url: 'http://169.254.169.254/secret-token' },
        },
      },
      /the credentials ask a server that is none of Google; run `gcloud/,
    ],
    [
      'a project that is none',
      { options: {}, credentials: { ...SERVICE_ACCOUNT, project_id: '../../secrets' } },
      /'[^']+' is no name of a Google Cloud project; correct it/,
    ],
    ['no project', { options: own }, /no Google Cloud project is known; give the option project, or set/],
    [
      'an odd location',
      { options: { ...own, project: 'p' }, env: { GOOGLE_CLOUD_LOCATION: 'evil.example/' } },
      /'evil.example\/' is no name of a Google Cloud location; correct it/,
    ],
  ])('%s', async (_, options, message) => {
    const { ask, sent } = await start(options)
    const reply = await ask()
    expect([reply.status, sent]).toEqual([502, []])
    expect(errorOf(reply)).toMatch(message)
    expect(errorOf(reply)).not.toMatch(/secret-|PRIVATE KEY/)
  })

  it.each([
    [400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }, 'false'],
    [403, { error: { message: 'no' } }, 'false'],
    [503, { error: 'unavailable' }, undefined],
  ])('an answer of Google with %i', async (status, body, shouldRetry) => {
    const { ask, google, sent } = await start()
    google.next = [[status, body]]
    const reply = await ask()
    expect([reply.status, reply.headers['x-should-retry'], sent]).toEqual([502, shouldRetry, []])
    expect(errorOf(reply)).toContain(`Google answered the login with ${status}`)
    if (status === 400) expect(errorOf(reply)).toContain('(invalid_grant: Invalid JWT Signature.); run `gcloud')
    google.next = []
    expect((await ask()).status).toBe(200)
  })

  it.each([{}, { access_token: null }, { access_token: { a: 1 } }, { access_token: 'a\r\nb: c' }, []])(
    'an answer that holds no token: %j',
    async (body) => {
      const { ask, google, sent } = await start()
      google.next = [[200, body]]
      const reply = await ask()
      expect([reply.status, sent]).toEqual([502, []])
      expect(errorOf(reply)).toMatch(/Google gave no token|the Google credentials cannot be used/)
    },
  )

  it('nothing for a project that pays and is none', async () => {
    const { ask } = await start({ options: { project: 'p' }, credentials: { ...USER, quota_project_id: 'a\nb: c' } })
    expect((await ask()).status).toBe(200)
    expect(world!.last.headers).not.toHaveProperty('x-goog-user-project')
  })

  it('a server that cannot be reached', async () => {
    const { ask, google } = await start()
    await google.close()
    const reply = await ask()
    expect([reply.status, errorOf(reply)]).toEqual([502, expect.stringMatching(/Google gave no token.*; check the/)])
    Object.assign(google, { close: async () => undefined })
  })

  it('and is tried anew with what the file holds by then', async () => {
    const { ask } = await start({ options: {}, credentials: { ...SERVICE_ACCOUNT, client_email: 'other' } })
    expect((await ask()).status).toBe(502)
    writeFileSync(process.env['GOOGLE_APPLICATION_CREDENTIALS']!, JSON.stringify(SERVICE_ACCOUNT))
    expect((await ask()).status).toBe(200)
  })
})
