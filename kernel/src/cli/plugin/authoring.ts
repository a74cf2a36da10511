import type { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import type { PluginDevOptions } from './dev.ts'
import type { PluginNewOptions } from './new.ts'

/** Adds the commands of those who write plugins to `ccr plugin`. */
export function addAuthoringCommands(plugin: Command, context: CommandContext, done: (exitCode: number) => void): void {
  plugin
    .command('new <name>')
    .description('make a plugin that works, in a folder of its own')
    .option('--transformer', 'one that changes the requests and answers of a dialect')
    .option('--router', 'one that decides where requests go')
    .option('--quota', 'one that reads what is left of a plan')
    .option('--dir <folder>', 'the folder to make (default: the name)')
    .action(async (name: string, options: PluginNewOptions) => {
      done(await (await import('./new.ts')).pluginNew(context, name, options))
    })
  plugin
    .command('dev <path>')
    .description('use a working copy until interrupted, and again whenever it is saved; show what it does')
    .option('--options <json5>', 'its options')
    .action(async (path: string, options: PluginDevOptions) => {
      done(await (await import('./dev.ts')).pluginDev(context, path, options))
    })
  plugin
    .command('manifest [folder]')
    .description('write the manifest of a plugin package, as its code is now')
    .action(async (folder: string | undefined) => {
      done(await (await import('./manifest.ts')).pluginManifest(context, folder ?? '.'))
    })
}
