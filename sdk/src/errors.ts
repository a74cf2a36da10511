/**
 * Every code a ccr error can carry, one line each, as docs/reference/errors.md lists them.
 * Errors are compared by `code`, never by `instanceof`: a plugin may hold another copy of this class.
 */
export const ERROR_CODES = {
  CCR_PLUGIN_API: 'a plugin was written for another plugin API version',
  CCR_PLUGIN_UNKNOWN: 'an entry names a plugin that is not installed',
  CCR_PLUGIN_LOAD: 'the code of a plugin could not be built or evaluated',
  CCR_PLUGIN_OPTIONS: 'the options of an entry do not fit the schema of its plugin',
  CCR_PLUGIN_ACTIVATE: 'a plugin threw, or did not finish, while it was activated',
  CCR_PLUGIN_CYCLE: 'before/after or required services form a cycle',
  CCR_PLUGIN_SERVICE: 'a plugin requires a service that no plugin provides, or does not keep what it declared',
  CCR_PLUGIN_QUARANTINED: 'a plugin failed too often and is not called any more',
  CCR_PLUGIN_CONFLICT: 'two plugins registered the same thing',
  CCR_PLUGIN_INTEGRITY: 'the files of an installed plugin are not those that were installed',
  CCR_PLUGIN_GRANT: 'an installed plugin asks for a capability that it was not granted',
  CCR_PLUGIN_CAPABILITY: 'a plugin used something that it did not declare, or that it was not granted',
  CCR_PLUGIN_STALE: 'a plugin used its context after it was disposed',
  CCR_HOOK_TIMEOUT: 'a handler did not finish within its deadline',
  CCR_HOOK_FAILED: 'a handler threw',
  CCR_HOOK_RESULT: 'a handler returned something its hook does not accept',
  CCR_REQUEST_INVALID: 'the body of a client request cannot be used',
  CCR_REQUEST_THREAD: 'a request continues a conversation that its target does not keep',
  CCR_ROUTE_NONE: 'nothing decided where a request goes, or what was named does not exist',
  CCR_STREAM_ORDER: 'a stream broke the order of events that the validator enforces',
  CCR_STREAM_LIMIT: 'a stream or answer exceeded a size limit',
  CCR_STREAM_ENDED: 'an upstream answer ended before its terminal event',
  CCR_STREAM_INVALID: 'an upstream answer is not what its dialect defines',
  CCR_STREAM_ERROR: 'an upstream reported an error inside its answer',
  CCR_UPSTREAM_NETWORK: 'an upstream could not be reached, or its connection broke',
  CCR_UPSTREAM_TIMEOUT: 'an upstream did not answer within a timer',
  CCR_UPSTREAM_ACCESS: 'the router has no access to an upstream: its credentials are missing or refused',
  CCR_CLIENT_CLOSED: 'the client left before its answer was complete',
  CCR_EXCHANGE_FAILED: 'an inner exchange ended in an error',
  CCR_EXCHANGE_SHUTDOWN: 'the router is shutting down',
  CCR_CONFIG_SYNTAX: 'a config file cannot be parsed',
  CCR_CONFIG_SCHEMA: 'a config value does not fit its schema',
  CCR_CONFIG_READ: 'a config file cannot be read',
  CCR_CONFIG_STALE: 'a config changed while a change of it was prepared',
  CCR_CONFIG_EDIT: 'a config cannot be changed by a command',
  CCR_INSTALL_SOURCE: 'what is to be installed cannot be named or fetched that way',
  CCR_INSTALL_PACKAGE: 'a package holds no plugin that can be installed',
  CCR_INSTALL_CONSENT: 'an installation was not agreed to',
  CCR_PRESET_INVALID: 'a preset cannot be used',
  CCR_PRESET_NAME: 'a preset cannot have that name, or the name is taken, or there is none of that name',
  CCR_PRESET_INPUT: 'a preset was not given what it asks for',
  CCR_HOST_LISTEN: 'the router cannot listen on its address',
  CCR_HOST_BIND: 'the router refuses to listen beyond loopback without a key',
  CCR_HOST_INSTANCE: 'another router uses the same home',
  CCR_UNKNOWN: 'something failed that has no code of its own',
} as const

/** One of the codes of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES

/** What a {@link CcrError} carries beside its message. */
export interface CcrErrorDetail {
  /** The plugin at fault. */
  readonly plugin?: string | undefined
  /** The hook in which the fault happened. */
  readonly hook?: string | undefined
  /** `file`, or `file:line:column`, of the text at fault. */
  readonly at?: string | undefined
  /** What the program of a client is told beside the message: the `details` of its failure. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  readonly cause?: unknown
}

/** The one error class of ccr. The message says subject, fact and remedy. */
export class CcrError extends Error {
  override readonly name = 'CcrError'
  readonly code: ErrorCode
  readonly plugin: string | undefined
  readonly hook: string | undefined
  readonly at: string | undefined
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, message: string, detail: CcrErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.plugin = detail.plugin
    this.hook = detail.hook
    this.at = detail.at
    this.details = detail.details
  }
}

/** Whether a thrown value is a ccr error, whichever copy of the SDK made it. */
export function isCcrError(value: unknown): value is CcrError {
  return value instanceof Error && value.name === 'CcrError' && 'code' in value
}

/** The message of any thrown value. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** Thrown by a transformRequest handler to pass a target over without counting an attempt. */
export class SkipTarget extends Error {
  override readonly name = 'SkipTarget'
}

/** Whether a thrown value is a {@link SkipTarget}, whichever copy of the SDK made it. */
export function isSkipTarget(value: unknown): value is SkipTarget {
  return value instanceof Error && value.name === 'SkipTarget'
}
