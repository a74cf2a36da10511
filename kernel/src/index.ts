export type { Blueprint, Entry, ProviderBlueprint } from './core/blueprint.ts'
export { Generation, type BuildFailure } from './core/generation.ts'
export type { Condition, ProfileBlueprint } from './core/blueprint.ts'
export { Kernel, type KernelOptions, type Lease } from './core/kernel.ts'
export type { Log } from './core/log.ts'
export { loadCodeFile, loadPluginFile } from './load/evaluate.ts'
export { findPluginFile } from './load/plugin-package.ts'
export { Probation, type Reverted } from './load/probation.ts'
export { runExchange } from './exchange/exchange.ts'
export { runInner } from './exchange/inner.ts'
export type {
  ClientSink,
  RoutingLog,
  Runtime,
  Transport,
  TransportRequest,
  TransportResponse,
} from './exchange/ports.ts'
export type { Incoming } from './exchange/state.ts'
