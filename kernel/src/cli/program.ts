import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { SHELLS, type Shell } from './code/shells.ts'
import type { CommandContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { addPluginCommands } from './plugin/commands.ts'
import { addPresetCommands, commandNames } from './preset/commands.ts'
import { addRouteCommands } from './route/commands.ts'
import type { StartCommandOptions } from './router/start.ts'
import type { StartOptions } from './router/start-record.ts'

const ENVIRONMENT = `
\`ccr <preset> [args...]\` runs Claude Code with an installed preset.

Environment:
  CCR_HOME     directory of config, logs and the running router (default: ~/.claude-code-router)
  CLAUDE_PATH  executable that \`ccr code\` runs (default: claude)`

/** Parses the arguments and runs the command they name; gives its exit code. */
export async function runProgram(context: CommandContext, args: readonly string[]): Promise<number> {
  let exitCode = 0
  const program = new Command('ccr')
    .description('Routes the LLM requests of Claude Code to any provider.')
    .option('-v, --version', 'print the version')
    .addHelpText('after', ENVIRONMENT)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(toComplaint(text)) })

  addressed(program.command('start').description('run the router here, until it is stopped'))
    .option('--daemon', 'run it in the background, and start it again after a crash')
    .action(async (options: StartCommandOptions) => {
      exitCode = await (await import('./router/start.ts')).start(context, options)
    })
  program
    .command('stop')
    .description('stop the router, after its running exchanges')
    .action(async () => {
      exitCode = await (await import('./router/stop.ts')).stop(context)
    })
  addressed(
    program.command('restart').description('stop the router and start it in the background, as it was started'),
  ).action(async (options: StartOptions) => {
    exitCode = await (await import('./router/restart.ts')).restart(context, options)
  })
  program
    .command('status')
    .description('tell what is running; exit code 3 when nothing is')
    .option('--json', 'as one line of JSON')
    .action(async (options: { readonly json?: boolean }) => {
      exitCode = await (await import('./router/status.ts')).status(context, options)
    })
  program
    .command('reload')
    .description('make the router read its config and plugins again, without a pause')
    .action(async () => {
      exitCode = await (await import('./router/reload.ts')).reload(context)
    })
  addPluginCommands(program, context, (code) => (exitCode = code))
  addRouteCommands(program, context, (code) => (exitCode = code))
  // Here for the help alone: main.ts runs it before anything is parsed.
  program
    .command('code')
    .description('run Claude Code through the router; all arguments are its own')
    .argument('[args...]')
  program
    .command('activate')
    .alias('env')
    .description('print what makes a shell run Claude Code through the router: eval "$(ccr activate)"')
    .argument('[preset]', 'an installed preset that Claude Code is to be run with')
    .addOption(new Option('--shell <shell>', 'whose language it is written in').choices(SHELLS).default('sh'))
    .action(async (preset: string | undefined, { shell }: { readonly shell: Shell }) => {
      exitCode = await (await import('./code/activate.ts')).activate(context, preset, shell)
    })
  program.command('version').description('print the version')
  addPresetCommands(program, context, (code) => (exitCode = code))

  const [word, ...rest] = args
  const isCommand = (one: string | undefined): boolean => one === undefined || commandNames(program).includes(one)
  if (word !== undefined && isPresetName(word) && !isCommand(word)) {
    const { presetNames } = await import('../config/presets/installed.ts')
    // Before the parser sees them: these arguments belong to Claude Code too.
    if ((await presetNames(context.home)).includes(word)) {
      const { code } = await import('./code/code.ts')
      return code(context, rest, word)
    }
  }

  // The help of a command that does not exist would be that of all.
  const asked = word === 'help' ? rest[0] : word
  const isUnknown = asked !== undefined && !asked.startsWith('-') && !isCommand(asked)
  if (isUnknown) {
    const { describeFormerCommand } = await import('./former-commands.ts')
    const instead = describeFormerCommand(asked)
    if (instead !== undefined) {
      context.complain(`ccr: ${instead}`)
      return EXIT.failed
    }
  }
  // By itself the parser gives the help of the group.
  const parsed = word === 'help' && rest.length > 1 ? [...rest, '--help'] : args
  try {
    await program.parseAsync(isUnknown ? [asked] : parsed, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    throw error
  }
  return exitCode
}

/** What the parser says, as this program does. */
function toComplaint(text: string): string {
  const told = text.replace(/^error: /, 'ccr: ')
  // With a suggestion it ends otherwise.
  return told.replace(/(unknown command '.*')\n$/, '$1; --help names those that there are\n')
}

/** A word that may be one; everything else is left to the parser. */
function isPresetName(word: string): boolean {
  return /^[A-Za-z0-9]/.test(word)
}

function addressed(command: Command): Command {
  return command
    .option('--port <number>', 'listen on this port; 0 takes a free one', toPort)
    .option('--host <address>', 'listen on this address')
    .option('--config <file>', 'use this config file')
}

function toPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new InvalidArgumentError('It must be a number from 0 to 65535.')
  return port
}
