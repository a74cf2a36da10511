import { ToolNames } from '@ccr/sdk'
import { namespacedName } from './own-tools.ts'

/** The names of tools in one attempt; those of a namespace come back with its name. */
export class NamespacedNames extends ToolNames {
  override fromWire(wire: string, namespace?: unknown): string {
    if (typeof namespace === 'string' && namespace !== '') return namespacedName(namespace, wire)
    return super.fromWire(wire)
  }
}
