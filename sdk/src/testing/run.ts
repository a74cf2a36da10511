// Runs the conformance checks of the plugin at a path: `node run.js <path> [--json]`. `ccr plugin test` starts it, in a
// process of its own so that nothing of the plugin reaches the command.
import { testPlugin } from './conformance/report.ts'

// A plugin that ends the process ends its checks with it, and has passed none.
const ended = (): void => {
  process.stderr.write('ccr: the plugin ended the process while it was checked\n')
  process.exitCode = 1
}
process.once('exit', ended)
const [path = '.', ...flags] = process.argv.slice(2)
const json = flags.includes('--json')
const passed = await testPlugin(path, {
  json,
  print: (line) => void process.stdout.write(`${line}\n`),
  // Whoever waits for this process gives each of them its time.
  begins: (check) => void process.send?.(check),
})
process.off('exit', ended)
// What a plugin left running must not keep the process.
process.exit(passed ? 0 : 1)
