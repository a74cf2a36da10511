import type { FailureType } from '../failure.ts'

/** A failure of the network in words. */
export interface NetworkFault {
  /** Follows the name of the upstream. */
  readonly fact: string
  readonly remedy: string
  readonly type: FailureType
}

/** What a code of Node, OpenSSL or undici says about an upstream; nothing for one without words of its own. */
export function networkFault(code: string): NetworkFault | undefined {
  return FAULTS.find(([codes]) => codes.test(code))?.[1]
}

/** Whether a code says that the router itself has no room for a connection. */
export function isShortage(code: string): boolean {
  return SHORTAGE.test(code)
}

const SHORTAGE = /^(?:EMFILE|ENFILE|ENOBUFS|ENOMEM)$/

const ADDRESS = 'check its api_base_url'

// A certificate does not get better by asking again, so those are told as refused credentials are.
const FAULTS: readonly (readonly [RegExp, NetworkFault])[] = [
  [/^ECONNREFUSED$/, down('refused the connection', 'check that it runs, and its api_base_url')],
  [/^ENOTFOUND$/, down('has a host name that does not exist', `${ADDRESS}, and the DNS of this machine`)],
  [/^EAI_/, down('has a host name that could not be looked up', 'check the network and the DNS of this machine')],
  [
    /^(?:ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH|HPE_INVALID_EOF_STATE)$/,
    down('closed the connection before its answer was complete', 'try again'),
  ],
  [/^(?:EHOST|ENET|EADDRNOTAVAIL)/, down('cannot be reached from here', 'check the network, and its api_base_url')],
  [
    /^(?:ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/,
    late('did not take the connection in time', 'check the network, and its api_base_url'),
  ],
  [/^CERT_HAS_EXPIRED$/, untrusted('has a certificate that has expired', 'check the clock of this machine')],
  [/^(?:ERR_TLS_CERT_ALTNAME|HOSTNAME_)/, untrusted('has a certificate of another host name', ADDRESS)],
  [
    /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/,
    untrusted('has a certificate that is not trusted', 'NODE_EXTRA_CA_CERTS can name a file with its authority'),
  ],
  [
    /^(?:ERR_TLS|ERR_SSL|EPROTO$)/,
    untrusted('made no TLS connection', 'check whether its api_base_url should begin with http://'),
  ],
  [/^HPE_/, down('gave an answer that is not valid HTTP', ADDRESS)],
  [/^UND_ERR_HEADERS_OVERFLOW$/, down('gave an answer whose head is too large', ADDRESS)],
]

function down(fact: string, remedy: string): NetworkFault {
  return { fact, remedy, type: 'api_error' }
}

function late(fact: string, remedy: string): NetworkFault {
  return { fact, remedy, type: 'timeout_error' }
}

function untrusted(fact: string, remedy: string): NetworkFault {
  return { fact, remedy, type: 'authentication_error' }
}
