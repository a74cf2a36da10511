import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CcrError } from '@ccr/sdk'
import { manifestFile, presetNames, presetsFolder } from '../config/presets/installed.ts'
import { checkPresetName } from '../config/presets/name.ts'
import { codeOf } from '../load/code-of.ts'
import { createPrivateDirectory, writePrivateFile } from '../load/private-files.ts'
import { isTaken } from '../load/process-identity.ts'

/** A preset that has been put in its place, and can be taken away again. */
export interface PlacedPreset {
  /** Puts back what was there before. */
  readonly undo: () => Promise<void>
  /** Removes what was there before for good. */
  readonly keep: () => Promise<void>
}

/** Begins the names of folders that are about to come or to go; the process that made it follows. */
const HIDDEN = /^\.(\d+)-[0-9a-f]+$/

/**
 * Checks that a preset of this name can be installed.
 *
 * @param commands words that already mean something behind `ccr`
 * @param replace an installed one of exactly this name is in nobody's way
 * @throws CcrError `CCR_PRESET_NAME`
 */
export async function checkFreeName(
  home: string,
  name: string,
  commands: readonly string[],
  replace: boolean,
): Promise<void> {
  checkPresetName(name)
  if (commands.includes(name.toLowerCase())) {
    const message = `\`ccr ${name}\` is a command, so no preset can have that name. Give another one with --name.`
    throw new CcrError('CCR_PRESET_NAME', message)
  }
  const other = (await presetNames(home)).find((one) => one.toLowerCase() === name.toLowerCase())
  if (other === undefined || (replace && other === name)) return
  const remedy = other === name ? 'Give another name with --name, or replace it with --force.' : 'Choose another name.'
  const likeness = other === name ? '' : `, which some systems take for ${name}`
  throw new CcrError('CCR_PRESET_NAME', `the preset ${other} is installed${likeness}. ${remedy}`)
}

/**
 * Puts a manifest in its place, whole and in one step. Of several that do so at once one wins.
 *
 * @throws CcrError `CCR_PRESET_NAME` when another one was faster
 */
export async function placePreset(home: string, name: string, text: string, replace: boolean): Promise<PlacedPreset> {
  const folder = join(presetsFolder(home), name)
  await createPrivateDirectory(presetsFolder(home))
  await cleanUp(home)
  const file = manifestFile(home, name)
  const before = replace ? await readFile(file, 'utf8').catch(() => undefined) : undefined
  if (before !== undefined) {
    await writePrivateFile(file, text)
    return { undo: () => writePrivateFile(file, before), keep: async () => undefined }
  }
  const staged = hiddenFolder(home)
  await mkdir(staged, { mode: 0o700 })
  try {
    await writePrivateFile(join(staged, 'manifest.json'), text)
    // What is left of one without a manifest is in nobody's way.
    if (replace) await rm(folder, { recursive: true, force: true })
    await rename(staged, folder)
  } catch (thrown) {
    await rm(staged, { recursive: true, force: true })
    const code = codeOf(thrown)
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw thrown
    const message = `the preset ${name} is installed. Give another name with --name, or replace it with --force.`
    throw new CcrError('CCR_PRESET_NAME', message, { cause: thrown })
  }
  return {
    undo: async () => {
      const away = await hide(home, folder)
      if (away !== undefined) await rm(away, { recursive: true, force: true })
    },
    keep: async () => undefined,
  }
}

/**
 * Takes a preset out of its place in one step.
 *
 * @throws CcrError `CCR_PRESET_NAME` when there is none
 */
export async function takePresetAway(home: string, name: string): Promise<PlacedPreset> {
  const folder = join(presetsFolder(home), name)
  const isInstalled = (await presetNames(home)).includes(name)
  const hidden = isInstalled ? await hide(home, folder) : undefined
  if (hidden === undefined) {
    const shown = JSON.stringify(name.slice(0, 80))
    throw new CcrError(
      'CCR_PRESET_NAME',
      `no preset ${shown} is installed. \`ccr preset list\` names the installed ones.`,
    )
  }
  return {
    undo: () => rename(hidden, folder),
    keep: async () => {
      await rm(hidden, { recursive: true, force: true })
      await cleanUp(home)
    },
  }
}

function hiddenFolder(home: string): string {
  return join(presetsFolder(home), `.${process.pid}-${randomBytes(6).toString('hex')}`)
}

async function hide(home: string, folder: string): Promise<string | undefined> {
  const hidden = hiddenFolder(home)
  try {
    await rename(folder, hidden)
    return hidden
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined
    throw thrown
  }
}

/** Removes what a command that was killed has left behind. */
async function cleanUp(home: string): Promise<void> {
  for (const name of await readdir(presetsFolder(home)).catch(() => [])) {
    const pid = Number(HIDDEN.exec(name)?.[1] ?? process.pid)
    if (!isTaken(pid)) await rm(join(presetsFolder(home), name), { recursive: true, force: true })
  }
}
