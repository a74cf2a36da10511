import { connect } from 'node:net'

/** Whether nothing listens at the address any more; somebody else may have taken it, which is none of our business. */
export function isFree(url: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), timeout: 500 })
    const settle = (free: true | undefined): void => {
      socket.destroy()
      resolve(free)
    }
    socket.once('connect', () => settle(undefined))
    socket.once('timeout', () => settle(undefined))
    socket.once('error', () => settle(true))
  })
}
