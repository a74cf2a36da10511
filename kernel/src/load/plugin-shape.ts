import { CcrError, type Plugin } from '@ccr/sdk'
import { isCapability } from '@ccr/sdk/kernel'

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
    const message = `${file}: ${fault}. End the file with: export default definePlugin({ … })`
    throw new CcrError('CCR_PLUGIN_LOAD', message, { at: file })
  }
  const plugin = value as Plugin
  if (plugin.apiVersion !== API_VERSION) {
    const fact = `was written for API version ${String(plugin.apiVersion)}, and this router speaks ${API_VERSION}`
    const message = `${file}: the plugin ${plugin.name} ${fact}. Install a version of it that fits.`
    throw new CcrError('CCR_PLUGIN_API', message, { plugin: plugin.name, at: file })
  }
  return plugin
}

function shapeFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'its default export is not a plugin'
  const fields = value as Readonly<Record<string, unknown>>
  if (typeof fields['name'] !== 'string' || !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(fields['name'])) {
    return 'its default export has no name made of lower-case words joined by -'
  }
  if (typeof fields['description'] !== 'string') return `the plugin ${fields['name']} has no description`
  if (typeof fields['activate'] !== 'function') return `the plugin ${fields['name']} has no activate function`
  if (!isObjectSchema(fields['options'])) return `the plugin ${fields['name']} has no schema of its options`
  if (!isObjectSchema(fields['config']) || !Array.isArray(fields['transformers'])) {
    return `the plugin ${fields['name']} was not made by definePlugin`
  }
  const { properties } = fields['config'] as { readonly properties: object }
  const bare = Object.entries(properties).find(([, schema]) => typeof schema !== 'object' || schema === null)
  if (bare !== undefined) return `the section ${bare[0]} of the plugin ${fields['name']} is no schema`
  const strange = ((fields['capabilities'] ?? []) as readonly unknown[]).find((one) => !isCapability(one))
  if (strange !== undefined) {
    const forms = 'files, network:<host> and secrets:<NAME>'
    const fact = `the plugin ${fields['name']} declares the capability ${JSON.stringify(strange)}`
    return `${fact}, and there are only ${forms}`
  }
  return undefined
}

function isObjectSchema(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && 'type' in value && value.type === 'object' && 'properties' in value
  )
}
