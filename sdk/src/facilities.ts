import type { Auth } from './exchange.ts'
import type { Secret } from './secret.ts'

/**
 * What a plugin may reach through its context, beyond the exchange itself: `files`, its private directory;
 * `network:<host>`, with `*.` before it for all its subdomains and `:<port>` behind it for one port alone, or
 * `network:*` for any host; `secrets:<NAME>`, one variable of the environment; `credentials`, the keys of the providers
 * that name the plugin in their `transformer`.
 */
export type Capability = 'files' | 'credentials' | `network:${string}` | `secrets:${string}`

/** The private directory of one entry; it outlives the instance, and a restart. */
export interface PluginFiles {
  /** Nothing when there is no such file. */
  read(name: string): Promise<Buffer | undefined>
  /** Replaces the whole file in one step, readable by its owner alone; a crash leaves the old or the new content. */
  write(name: string, content: string | Uint8Array): Promise<void>
  /** The names of the files, sorted. */
  list(): Promise<readonly string[]>
  /** Does nothing when there is no such file. */
  remove(name: string): Promise<void>
}

/** A request of a plugin's own. */
export interface HttpOptions {
  /** `GET` unless given. */
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Rendered as a header by the host, so that the plugin need not reveal the secret. */
  readonly auth?: Auth | undefined
  readonly body?: string | Uint8Array | undefined
  /** For the whole answer, its body included; 30,000 unless given. */
  readonly timeoutMs?: number | undefined
  /** Ends the request early. */
  readonly signal?: AbortSignal | undefined
}

/** The network, through the router's proxy, to the declared hosts alone. */
export interface PluginHttp {
  /**
   * Sends a request; redirects are not followed, so that no answer leads to another host.
   *
   * @throws CcrError `CCR_PLUGIN_CAPABILITY` for a host that the plugin did not declare
   */
  fetch(url: string | URL, options?: HttpOptions): Promise<Response>
}

/** The declared variables of the environment. */
export interface PluginSecrets {
  /**
   * The value of a variable; nothing when it is unset or empty.
   *
   * @throws CcrError `CCR_PLUGIN_CAPABILITY` for one that the plugin did not declare
   */
  get(name: string): Secret | undefined
}

/** What a host gives a plugin beyond the exchange; what may be used of it is declared in `capabilities`. */
export interface Facilities {
  readonly files: PluginFiles
  readonly http: PluginHttp
  readonly secrets: PluginSecrets
}
