/** The error types of the canonical dialect; every client dialect maps them to its own words. */
export type FailureType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'timeout_error'
  | 'overloaded_error'

/** A failure as the client will be told. The message holds no secret, no path and no stack. */
export interface FailureReply {
  /** HTTP status, used while no byte of the answer has left. */
  readonly status: number
  readonly type: FailureType
  readonly message: string
  /** Value of the `retry-after` header, as the upstream gave it (seconds or HTTP date). */
  readonly retryAfter?: string | undefined
  /** Sets `x-should-retry`, which overrides the client's own judgement. */
  readonly shouldRetry?: boolean | undefined
  /** Further headers, such as `allow`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** What went wrong in one attempt. */
export interface AttemptFailure {
  /**
   * `status`: the upstream answered with an error status · `network`: refused, reset, DNS, TLS · `timeout`: a timer of
   * the router · `protocol`: the answer is not what the dialect defines, or ended early · `reported`: an error inside a
   * 200 answer · `plugin`: a handler failed.
   */
  readonly kind: 'status' | 'network' | 'timeout' | 'protocol' | 'reported' | 'plugin'
  /** The upstream's HTTP status, where there was one. */
  readonly status?: number | undefined
  /** The upstream's own message, at most 500 characters, redacted. */
  readonly message: string
  /** The upstream's `retry-after` in milliseconds, where it was valid. */
  readonly retryAfterMs?: number | undefined
  /** What the client is told when nobody decides otherwise. */
  readonly reply: FailureReply
  readonly cause?: unknown
}
