/** Exit codes of every command; docs/reference/cli.md says when each is used. */
export const EXIT = {
  ok: 0,
  failed: 1,
  notRunning: 3,
  /** `EX_SOFTWARE` of sysexits.h: an error after which the state of the process is unknown. */
  fault: 70,
  /** `EX_CONFIG` of sysexits.h: the configuration, or a plugin it names, cannot be used. */
  config: 78,
  notExecutable: 126,
  notFound: 127,
} as const
