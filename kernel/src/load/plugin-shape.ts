import { CcrError, type Plugin } from '@ccr/sdk'
import { isCapability } from '@ccr/sdk/kernel'
import { PLUGIN_NAME } from './package.ts'

/** The version of the contract between plugin and kernel that this kernel speaks. */
export const API_VERSION = 1

/**
 * Narrows what a module exports to a plugin.
 *
 * @throws CcrError `CCR_PLUGIN_LOAD` when it is none, `CCR_PLUGIN_API` when it was written for another API version
 */
export function assertPlugin(value: unknown, file: string): Plugin {
  const fault = shapeFault(value)
  if (fault !== undefined) {
    const { fact, remedy = 'End the file with: export default definePlugin({ … })' } = fault
    throw new CcrError('CCR_PLUGIN_LOAD', `${file}: ${fact}. ${remedy}`, { at: file })
  }
  const plugin = value as Plugin
  if (plugin.apiVersion !== API_VERSION) {
    const fact = `was written for API version ${String(plugin.apiVersion)}, and this router speaks ${API_VERSION}`
    const message = `${file}: the plugin ${plugin.name} ${fact}. Install a version of it that fits.`
    throw new CcrError('CCR_PLUGIN_API', message, { plugin: plugin.name, at: file })
  }
  return plugin
}

/** Whether `definePlugin` made it, however faulty it may be. */
export function isDefined(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { config, transformers } = value as Readonly<Record<string, unknown>>
  return isObjectSchema(config) && Array.isArray(transformers)
}

interface Fault {
  readonly fact: string
  readonly remedy?: string
}

function shapeFault(value: unknown): Fault | undefined {
  if (typeof value !== 'object' || value === null) return { fact: 'its default export is not a plugin' }
  const fields = value as Readonly<Record<string, unknown>>
  if (!isDefined(value)) return { fact: 'its default export was not made by definePlugin' }
  const { name, capabilities = [] } = fields
  if (typeof name !== 'string' || !new RegExp(PLUGIN_NAME).test(name)) {
    const wrong = typeof name === 'string' ? 'a name not made of lower-case words joined by -' : 'no name'
    return { fact: `the plugin has ${wrong}`, remedy: "Give it one: name: 'my-plugin'" }
  }
  const subject = `the plugin ${name}`
  if (typeof fields['description'] !== 'string')
    return { fact: `${subject} has no description`, remedy: 'Say in a sentence what it does' }
  if (typeof fields['activate'] !== 'function')
    return { fact: `${subject} has no activate function`, remedy: 'Add one: activate(ctx) { … }' }
  if (!isObjectSchema(fields['options']))
    return { fact: `${subject} has options that are no schema`, remedy: 'Make them one: options: Type.Object({ … })' }
  const { properties } = fields['config'] as { readonly properties: object }
  const bare = Object.entries(properties).find(([, schema]) => typeof schema !== 'object' || schema === null)
  if (bare !== undefined) {
    const remedy = 'Make it one of Type: config: { Key: Type.Optional(Type.String()) }'
    return { fact: `the section ${bare[0]} of the plugin ${name} is no schema`, remedy }
  }
  const strange = (Array.isArray(capabilities) ? capabilities : [capabilities]).filter((one) => !isCapability(one))
  if (Array.isArray(capabilities) && strange.length === 0) return undefined
  const said = typeof strange[0] === 'string' ? JSON.stringify(strange[0]) : String(capabilities)
  const remedy = 'There are only files, credentials, network:<host> and secrets:<NAME>, in a list'
  return { fact: `${subject} declares the capability ${said}`, remedy }
}

function isObjectSchema(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && 'type' in value && value.type === 'object' && 'properties' in value
  )
}
