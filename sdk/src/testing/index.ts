export * from './kernel.ts'
export * from './upstream.ts'
