import { Option, type Command } from 'commander'
import type { CommandContext } from '../context.ts'
import type { ExportOptions } from './export.ts'
import type { InstallOptions } from './install.ts'
import type { SearchCommandOptions } from './list.ts'

/**
 * Adds `ccr preset …` and `ccr install`; `done` is given the exit code of the command that ran. Call it last: no preset
 * may have the name of a command.
 */
export function addPresetCommands(program: Command, context: CommandContext, done: (exitCode: number) => void): void {
  const reserved = (): readonly string[] => commandNames(program)
  const preset = program.command('preset').description('share, install and look at presets')
  preset
    .command('export')
    .description('make a preset of the config; secrets become questions')
    .argument('<name>', 'its name')
    .option('--output <file>', 'where it is written (default: <name>.json here)')
    .option('--version <version>', 'its version', '1.0.0')
    .option('--description <text>', 'what it is for')
    .option('--author <name>', 'who made it')
    .option('--tags <list>', 'words to find it by, separated by commas')
    .option('--include-sensitive', 'is refused: no preset holds a secret')
    .option('--force', 'replace the file')
    .action(async (name: string, options: ExportOptions) => {
      done(await (await import('./export.ts')).presetExport(context, name, options))
    })
  installing(preset.command('install').description('install a preset, or answer its questions anew'))
    .argument('<source>', 'a folder, a file, an https URL, npm:<package>, or a name')
    .option('--name <name>', 'install it under this name')
    .action(async (source: string, options: InstallOptions) => {
      done(await (await import('./install.ts')).presetInstall(context, source, options, reserved()))
    })
  preset
    .command('list')
    .description('name the installed presets')
    .option('--json', 'as one line of JSON')
    .action(async (options: { readonly json?: boolean }) => {
      done(await (await import('./list.ts')).presetList(context, options))
    })
  preset
    .command('search')
    .description('look for presets in the marketplace')
    .argument('[words...]', 'words that all occur')
    .option('--marketplace <url>', 'URL of its index')
    .option('--allow-private-addresses', 'take http, and addresses of this machine and its network')
    .option('--json', 'as one line of JSON')
    .action(async (words: readonly string[], options: SearchCommandOptions) => {
      done(await (await import('./list.ts')).presetSearch(context, words, options))
    })
  preset
    .command('info')
    .description('show an installed preset')
    .argument('<name>')
    .option('--json', 'as one line of JSON')
    .action(async (name: string, options: { readonly json?: boolean }) => {
      done(await (await import('./list.ts')).presetInfo(context, name, options))
    })
  preset
    .command('delete')
    .alias('rm')
    .alias('remove')
    .description('delete an installed preset and the answers to its questions')
    .argument('<name>')
    .action(async (name: string) => {
      done(await (await import('./delete.ts')).presetDelete(context, name))
    })
  installing(program.command('install').description('install a preset of the marketplace'))
    .argument('<name>', 'its name there')
    .option('--name <name>', 'install it under this name')
    .action(async (name: string, options: InstallOptions) => {
      done(await (await import('./install-by-name.ts')).install(context, name, options, reserved()))
    })
}

/** The words behind `ccr` that are commands, in lower case. */
export function commandNames(program: Command): readonly string[] {
  return ['help', 'code', ...program.commands.flatMap((command) => [command.name(), ...command.aliases()])]
}

function installing(command: Command): Command {
  return command
    .addOption(
      new Option('--input <id=value>', 'answer a question; a whole $NAME stands for an environment variable')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--marketplace <url>', 'URL of the index that names are looked up in')
    .option('--force', 'replace an installed preset of that name')
    .option('--yes', 'install it without being asked')
    .option('--allow-private-addresses', 'take http, and addresses of this machine and its network')
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}
