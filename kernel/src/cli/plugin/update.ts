import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CcrError, messageOf } from '@ccr/sdk'
import { readState } from '../../config/draft.ts'
import { EMPTY_CONFIG } from '../../config/edit.ts'
import type { Candidate } from '../../install/inspect.ts'
import { parseSource } from '../../install/source.ts'
import { isInjected } from '../../load/dependencies.ts'
import type { LockEntry } from '../../load/lock.ts'
import { readDescription } from '../../load/package.ts'
import { pluginFolder } from '../../load/store.ts'
import { configInUse } from '../config-in-use.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { tellChange, type AddOptions } from './add.ts'
import { checkAge, notAdded, readPins, withCandidate } from './candidate.ts'
import { writtenEntries } from './entries.ts'
import { fileEntries, filesNamed } from './files.ts'
import { agree, checkEditable, install, isAgreed } from './install.ts'
import { describeSheet, differenceOf, sheetOf } from './sheet.ts'

/** `ccr plugin update`: looks where a plugin came from, shows what is different, asks, and swaps it. */
export async function pluginUpdate(
  context: CommandContext,
  name: string | undefined,
  options: AddOptions,
): Promise<number> {
  await checkEditable(context)
  const pins = await readPins(context)
  const wanted = name === undefined ? pins : pins.filter((pin) => pin.name === name || pin.plugin === name)
  if (name !== undefined && wanted.length === 0) {
    const file = await workingCopy(context, name)
    if (file === undefined)
      throw notAdded(
        name,
        pins.map((pin) => pin.name),
      )
    context.print(`${name} is used from ${file} as it is saved, so there is nothing to update`)
    return EXIT.ok
  }
  if (name === undefined && options.integrity !== undefined) {
    throw new CcrError('CCR_INSTALL_CONSENT', '--integrity belongs to one plugin. Name it.')
  }
  if (wanted.length === 0) context.print('no plugin was added, so there is nothing to update')
  let exitCode: number = EXIT.ok
  for (const pin of wanted) {
    try {
      await updateOne(context, pin, options)
    } catch (thrown) {
      if (wanted.length === 1) throw thrown
      context.complain(`ccr: ${pin.name}: ${messageOf(thrown)}`)
      exitCode = EXIT.failed
    }
  }
  return exitCode
}

/** The file of a plugin that is used where it is. */
async function workingCopy(context: CommandContext, name: string): Promise<string | undefined> {
  const { config, file } = await readState(context.home, await configInUse(context.home))
  const files = fileEntries(context, writtenEntries(config ?? EMPTY_CONFIG, true), file)
  return (await filesNamed(context, files, name)).meant[0]?.file
}

async function updateOne(context: CommandContext, pin: LockEntry, options: AddOptions): Promise<void> {
  const source = parseSource(pin.source, context.home)
  if (source.type === 'folder') return
  await withCandidate(context, source, options, async (candidate, folder) => {
    checkSame(pin, candidate)
    if (isAgreed(pin, candidate)) {
      context.print(`${pin.name} ${pin.version} is what its source has now`)
      return
    }
    if (!options.allowFresh) checkAge(candidate, Date.now())
    for (const line of describeSheet(sheetOf(candidate), Date.now())) context.print(line)
    const { lines, grows } = differenceOf(pin, await dependenciesOf(context, pin), candidate)
    context.print(`different from ${pin.version}:`)
    for (const line of lines) context.print(line)
    await agree(candidate, options, !grows)
    const allowFresh = options.allowFresh === true
    const change = await install(context, { candidate, source: pin.source, folder, allowFresh, use: false })
    tellChange(context, `updated ${pin.name} from ${pin.version} to ${candidate.package.version}`, change)
  })
}

function checkSame(pin: LockEntry, { package: { name }, manifest }: Candidate): void {
  if (name === pin.name && manifest.name === pin.plugin) return
  const fact = `${pin.source} now holds ${name} (plugin ${manifest.name}), not ${pin.name} (plugin ${pin.plugin})`
  throw new CcrError('CCR_INSTALL_PACKAGE', `${fact}. Remove the one and add the other, if that is what you want.`)
}

async function dependenciesOf({ home }: CommandContext, pin: LockEntry): Promise<readonly string[]> {
  const text = await readFile(join(pluginFolder(home, pin), 'package.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return []
  const { dependencies, optionalDependencies } = readDescription(text)
  return Object.keys({ ...dependencies, ...optionalDependencies }).filter((one) => !isInjected(one))
}
