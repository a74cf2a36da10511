export * from 'typebox/format'
export { default } from 'typebox/format'
