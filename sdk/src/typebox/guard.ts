export * from 'typebox/guard'
export { default } from 'typebox/guard'
