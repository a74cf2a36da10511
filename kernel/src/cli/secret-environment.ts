import { secretVariables } from '../config/environment.ts'
import { readConfig } from '../config/read.ts'
import { isSecretField } from '../config/secrets.ts'
import { configInUse } from './config-in-use.ts'
import type { CommandContext } from './context.ts'

/** Programs that a command starts reach the network by these, whatever else the config uses them for. */
const PROXY = /_proxy$/i

/** The environment for programs that a command starts, without what the config takes its secrets from. */
export async function withoutSecrets(context: CommandContext): Promise<NodeJS.ProcessEnv> {
  const secret = new Set(await secretNames(context))
  return Object.fromEntries(Object.entries(context.env).filter(([name]) => PROXY.test(name) || !secret.has(name)))
}

/** Takes the same out of this process, before it runs code of a plugin. */
export async function hideFromPlugins(context: CommandContext): Promise<void> {
  for (const name of await secretNames(context)) delete process.env[name]
}

/** Of the config in the home, and of the one that the running router was started with. */
async function secretNames(context: CommandContext): Promise<readonly string[]> {
  const files = new Set([undefined, await configInUse(context.home)])
  return (await Promise.all([...files].map((file) => secretNamesIn(file, context)))).flat()
}

async function secretNamesIn(file: string | undefined, { home, env }: CommandContext): Promise<readonly string[]> {
  try {
    return secretVariables(await readConfig({ home, file, env }), env)
  } catch {
    // Which ones a broken config uses cannot be told; those that look like a secret are left out.
    return Object.keys(env).filter(isSecretField)
  }
}
