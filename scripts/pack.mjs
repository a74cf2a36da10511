// npm run pack [-- FOLDER]: the package that users install, as a tarball in FOLDER, or here. Plugins and presets lie in
// it as they do in a checkout; kernel and SDK are bundled with it, because plugins and the test kit import them by name.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** What the doors of a bundled library share. */
const CHUNK = /chunk-\w+\.js$/
const BUNDLED = ['sdk', 'kernel']
/** Text, with whatever it leads to. */
const DOCUMENTS = ['README.md', 'AGENTS.md', 'docs', 'sdk/api.md']
const plugins = readdirSync(join(ROOT, 'plugins')).map((name) => `plugins/${name}`)

const folder = resolve(process.argv[2] ?? '.')
if (process.argv[2] === '--help' || process.argv[2] === '-h') console.log('npm run pack [-- FOLDER]')
else if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
  console.error(`${folder} is no folder; name one that is there, or none for the current one`)
  process.exitCode = 2
} else process.exitCode = pack(folder)

function pack(destination) {
  const stage = mkdtempSync(join(tmpdir(), 'ccr-pack-'))
  try {
    for (const name of [...DOCUMENTS, 'LICENSE', 'presets']) copy(name, join(stage, name))
    for (const name of plugins)
      for (const part of ['package.json', 'dist']) copy(`${name}/${part}`, join(stage, name, part))
    for (const name of BUNDLED) {
      const place = join(stage, 'node_modules/@ccr', name)
      copy(`${name}/dist`, join(place, 'dist'))
      // npm takes what a bundled package depends on for bundled too, and would not fetch it.
      write(join(place, 'package.json'), { ...read(`${name}/package.json`), dependencies: undefined })
    }
    write(join(stage, 'package.json'), description())
    const options = ['--ignore-scripts', '--loglevel=error', '--pack-destination', destination]
    const shell = process.platform === 'win32'
    return spawnSync('npm', ['pack', ...options], { cwd: stage, stdio: 'inherit', shell }).status ?? 1
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/** Copies what has been built; what only debuggers and the compiler read stays behind. */
function copy(from, to) {
  mkdirSync(join(to, '..'), { recursive: true })
  cpSync(join(ROOT, from), to, {
    recursive: true,
    filter: (file) => !/\.(map|tsbuildinfo)$/.test(file) && isMadeOfSource(file),
  })
}

/** A build leaves what it made of a file that has been moved or deleted since; chunks are made of libraries. */
function isMadeOfSource(file) {
  const source = file.replace(/([\\/])dist([\\/].*)\.(?:js|d\.ts)$/, '$1src$2.ts')
  if (source === file || existsSync(source)) return true
  return CHUNK.test(file) && chunksIn(dirname(file)).has(basename(file))
}

/** The chunks that the other files of a folder import, straight or through one another. */
function chunksIn(folder) {
  const found = new Set()
  const pending = readdirSync(folder).filter((name) => name.endsWith('.js') && !CHUNK.test(name))
  for (const name of pending) {
    for (const [, chunk] of readFileSync(join(folder, name), 'utf8').matchAll(/"\.\/(chunk-\w+\.js)"/g)) {
      if (!found.has(chunk)) pending.push(chunk)
      found.add(chunk)
    }
  }
  return found
}

/** The `package.json` of the tarball: everything that a part of it imports is a dependency of the whole. */
function description() {
  const { name, version, description, type, license, engines } = read('package.json')
  const parts = [...BUNDLED, ...plugins].map((part) => read(`${part}/package.json`))
  const dependencies = Object.assign({}, ...parts.map((part) => part.dependencies))
  for (const part of parts.slice(0, BUNDLED.length)) dependencies[part.name] = part.version
  const bundleDependencies = BUNDLED.map((part) => `@ccr/${part}`)
  const bin = { ccr: './node_modules/@ccr/kernel/dist/cli/main.js' }
  const files = [...DOCUMENTS, 'plugins', 'presets']
  return { name, version, description, type, license, engines, bin, files, dependencies, bundleDependencies }
}

function write(file, value) {
  writeFileSync(file, JSON.stringify(value, null, 2))
}

function read(file) {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8'))
}
