export * from 'typebox/system'
export { default } from 'typebox/system'
