// Runs the router here with its built-in plugins taken from src, so that they change while it runs. `npm run dev` builds
// before it; arguments are those of `ccr start`.
process.env.CCR_DEV = '1'
process.env.NODE_ENV ??= 'development'
process.argv.splice(2, 0, 'start')
await import('../kernel/dist/cli/main.js')
