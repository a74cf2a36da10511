import { InvalidArgumentError, Option, type Command } from 'commander'
import type { CommandContext } from '../context.ts'
import type { RouteExplainOptions } from './explain.ts'

/** Adds `ccr route …`; `done` is given the exit code of the command that ran. */
export function addRouteCommands(program: Command, context: CommandContext, done: (exitCode: number) => void): void {
  const route = program.command('route').description('look at where requests go')
  route
    .command('explain')
    .description('tell where a request would go and why; nothing is sent anywhere')
    .argument('<request>', 'file with the body that a client would send, as JSON; - reads it from stdin')
    .option('--path <path>', 'endpoint that the client would call', '/v1/messages')
    .addOption(
      new Option('--header <name=value>', 'a header that the client would send; may be given many times')
        .argParser(toHeaders)
        .default({}, 'none'),
    )
    .option('--json', 'as one line of JSON')
    .action(async (file: string, options: RouteExplainOptions) => {
      done(await (await import('./explain.ts')).routeExplain(context, file, options))
    })
}

function toHeaders(text: string, before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const equals = text.indexOf('=')
  if (equals <= 0) throw new InvalidArgumentError('It must be name=value.')
  return { ...before, [text.slice(0, equals).trim().toLowerCase()]: text.slice(equals + 1).trim() }
}
