/**
 * How a proxy is told who asks: the value of `Proxy-Authorization`, where its URL names somebody. A name without a
 * password is a login too, as of services whose only credential is a token.
 *
 * Source: https://www.rfc-editor.org/rfc/rfc7617#section-2
 */
export function proxyLogin(url: string): { readonly token?: string } {
  const { username, password } = new URL(url)
  if (username === '' && password === '') return {}
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { token: `Basic ${Buffer.from(login).toString('base64')}` }
}
