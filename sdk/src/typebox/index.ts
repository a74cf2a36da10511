/**
 * The door through which SDK, kernel and plugins take typebox, so that there is one copy of it. The build makes a few
 * files of what lies behind it (`scripts/bundle-typebox.mjs`): to load its 680 modules one by one took a third of the
 * CPU time of a start.
 */
export * from 'typebox'
export { default } from 'typebox'
export { default as Value } from 'typebox/value'
