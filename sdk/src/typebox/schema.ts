export * from 'typebox/schema'
export { default } from 'typebox/schema'
