import { CcrError } from '@ccr/sdk'

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$/

/** Names that some systems give to devices, whatever their extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i

/** What is wrong with the name of a preset, as the end of a sentence; nothing when it can be used. */
export function presetNameFault(name: string): string | undefined {
  if (!NAME.test(name)) return 'must be 1 to 64 letters, digits, ".", "_" or "-", and begin with a letter or digit'
  if (DEVICE.test(name)) return 'is the name of a device on some systems'
  if (name.includes('..')) return 'must not hold ".."'
  if (isInherited(name)) return 'is a name that every object of the language has'
  if (name.toLowerCase() === 'default') return 'is the name of the config itself'
  return undefined
}

/** Whether every object has a member of this name, so that keys of that name are easily mistaken. */
export function isInherited(name: string): boolean {
  return name in Object.prototype
}

/** @throws CcrError `CCR_PRESET_NAME` */
export function checkPresetName(name: string): void {
  const fault = presetNameFault(name)
  if (fault === undefined) return
  const message = `the preset name ${JSON.stringify(name.slice(0, 80))} ${fault}. Choose another name.`
  throw new CcrError('CCR_PRESET_NAME', message)
}
