export type { Blueprint, Entry, ProviderBlueprint } from './core/blueprint.ts'
export { Generation, type BuildFailure } from './core/generation.ts'
export { Kernel, type KernelOptions, type Lease } from './core/kernel.ts'
export type { Log } from './core/log.ts'
export { runExchange } from './exchange/exchange.ts'
export type {
  ClientSink,
  Incoming,
  RoutingLog,
  Runtime,
  Transport,
  TransportRequest,
  TransportResponse,
} from './exchange/ports.ts'
export { Validator } from './exchange/validator.ts'
