import { Option, type Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { addAuthoringCommands } from './authoring.ts'
import type { AddOptions } from './add.ts'
import type { CandidateOptions } from './candidate.ts'

const SOURCES = `
A source is one of
  name, name@range              a package of the registry that npm is set up for
  git+https://host/path#ref     a branch, tag or commit of a repository
  https://host/name.tgz         an archive; it needs --integrity
  ./name.tgz                    an archive here
  ./folder                      a working copy, used where it is and loaded again whenever it is saved

Nothing of a plugin is run before it was agreed to, and its install scripts never are. Once it is used, it runs
inside the router with all rights of your user: what you agree to is trust in its author.`

interface JsonOption {
  readonly json?: boolean
}

/** Adds `ccr plugin …`; `done` is given the exit code of the command that ran. */
export function addPluginCommands(program: Command, context: CommandContext, done: (exitCode: number) => void): void {
  const plugin = program.command('plugin').description('add, look at and change the plugins of the router')
  agreeing(reaching(plugin.command('add').argument('<source>')))
    .description('install a plugin, and use it at once')
    .addHelpText('after', SOURCES)
    .action(async (source: string, options: AddOptions) => {
      done(await (await import('./add.ts')).pluginAdd(context, source, options))
    })
  plugin
    .command('list')
    .description('show every plugin that is installed or used')
    .option('--hooks', 'show for each hook which plugins take part in it')
    .option('--json', 'as one line of JSON')
    .action(async (options: JsonOption & { readonly hooks?: boolean }) => {
      done(await (await import('./list.ts')).pluginList(context, options))
    })
  reaching(plugin.command('info').argument('<name or source>'))
    .description('show what a plugin says of itself; of one that is not installed, what `add` would show')
    .option('--json', 'as one line of JSON')
    .action(async (what: string, options: CandidateOptions & JsonOption) => {
      done(await (await import('./info.ts')).pluginInfo(context, what, options))
    })
  plugin
    .command('remove')
    .argument('<name>')
    .description('take a plugin that was added out of config, lock and store')
    .action(async (name: string) => {
      done(await (await import('./remove.ts')).pluginRemove(context, name))
    })
  agreeing(reaching(plugin.command('update').argument('[name]')))
    .description('install what the source of a plugin has now; all of them unless one is named')
    .action(async (name: string | undefined, options: AddOptions) => {
      done(await (await import('./update.ts')).pluginUpdate(context, name, options))
    })
  for (const [command, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    plugin
      .command(command)
      .argument('<name or id>')
      .description(`switch a plugin, or one use of it, ${enabled ? 'on' : 'off'}`)
      .action(async (name: string) => {
        done(await (await import('./enable.ts')).pluginEnable(context, name, enabled))
      })
  }
  plugin
    .command('test')
    .argument('<path>')
    .description('run the checks that every plugin passes on a plugin file or the folder of its package')
    .option('--json', 'as one line of JSON')
    .action(async (path: string, options: JsonOption) => {
      done(await (await import('./test.ts')).pluginTest(context, path, options))
    })
  plugin
    .command('top')
    .description('show what each plugin was called for and what it cost')
    .option('--json', 'as one line of JSON')
    .action(async (options: JsonOption) => {
      done(await (await import('./top.ts')).pluginTop(context, options))
    })
  addAuthoringCommands(plugin, context, done)
}

/** Options of commands that fetch something. */
function reaching(command: Command): Command {
  const text = 'also reach http and addresses of this machine and its network'
  return command.addOption(new Option('--allow-private-addresses', text))
}

/** Options of commands that install something. */
function agreeing(command: Command): Command {
  return command
    .option('--yes', 'agree without being asked; needs --integrity unless the lock has agreed already')
    .option('--integrity <sha512>', 'the archive that is agreed to, as `sha512-…`')
    .option('--allow-fresh', 'also take versions published within the last 7 days')
    .option('--allow-look-alike', 'also take a name that can be mistaken for one that is installed')
}
