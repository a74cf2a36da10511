/** Exit codes of every command; docs/reference/cli.md says when each is used. */
export const EXIT = {
  ok: 0,
  failed: 1,
  notRunning: 3,
  /** `EX_CONFIG` of sysexits.h: the configuration, or a plugin it names, cannot be used. */
  config: 78,
  notExecutable: 126,
  notFound: 127,
} as const
