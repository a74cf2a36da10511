import ts from 'typescript'

/** Source files by their path below the root, with `/`. */
export type FileMap = ReadonlyMap<string, string>

/** An accepted occurrence of a vendor word, and why it has to be. */
export interface WordException {
  readonly file: string
  readonly word: string
  readonly reason: string
}

/** Files that are not shipped: tests and their support. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

/**
 * The rooms of the house and what each may import; `kernel` stands for the whole kernel as a package. A room may always
 * import itself, libraries and Node.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  sdk: [],
  'sdk/kernel': ['sdk'],
  testing: ['sdk', 'sdk/kernel', 'kernel'],
  core: ['sdk', 'sdk/kernel'],
  exchange: ['sdk', 'sdk/kernel', 'core'],
  load: ['sdk', 'sdk/kernel', 'core', 'exchange'],
  config: ['sdk', 'sdk/kernel', 'core', 'exchange', 'load'],
  install: ['sdk', 'sdk/kernel', 'core', 'exchange', 'load', 'config'],
  presets: ['sdk', 'sdk/kernel', 'core', 'exchange', 'load', 'config', 'install'],
  host: ['sdk', 'sdk/kernel', 'core', 'exchange', 'load', 'config', 'install', 'presets'],
  cli: ['sdk', 'sdk/kernel', 'core', 'exchange', 'load', 'config', 'install', 'presets', 'host'],
  kernel: ['sdk', 'sdk/kernel', 'core', 'exchange', 'load', 'config', 'install', 'presets', 'host', 'cli'],
  plugin: ['sdk', 'testing'],
}

/** Imports that go against the direction `plugins → sdk ← core ← exchange ← load ← config ← install ← host ← cli`. */
export function checkImports(files: FileMap): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    const from = roomOf(path)
    if (isTest(path) || from === undefined) continue
    for (const { fileName, pos } of ts.preProcessFile(text, true, true).importedFiles) {
      const to = targetOf(path, fileName)
      if (to === undefined || to.folder === from.folder) continue
      if (to.room === from.room && to.room !== 'plugin') continue
      // Test code of a plugin may use the SDK's test kit; what ships may not.
      if (from.room === 'plugin' && to.room === 'testing') found.push(at(path, text, pos, `imports the test kit`))
      else if (!MAY_IMPORT[from.room]?.includes(to.room)) {
        found.push(at(path, text, pos, `${from.room} may not import ${to.room} ('${fileName}')`))
      }
    }
  }
  return found
}

/** Files that import each other in a circle, be it types alone: none of them can be understood without the others. */
export function checkCircles(files: FileMap): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path)
    if (at >= 0) return void found.push([...trail.slice(at), path].join(' → '))
    if (done.has(path)) return
    for (const { fileName } of ts.preProcessFile(files.get(path)!, true, true).importedFiles) {
      const next = new URL(fileName, `file:///${path}`).pathname.slice(1)
      if (fileName.startsWith('.') && files.has(next)) visit(next, [...trail, path])
    }
    done.add(path)
  }
  for (const path of files.keys()) visit(path, [])
  return found
}

interface Room {
  readonly room: string
  /** Equal for files that belong together. */
  readonly folder: string
}

function roomOf(path: string): Room | undefined {
  const parts = path.split('/')
  if (parts[0] === 'sdk' && parts[1] === 'src') {
    if (parts.length > 3 && parts[2] === 'kernel') return { room: 'sdk/kernel', folder: 'sdk/kernel' }
    return parts[2] === 'testing' ? { room: 'testing', folder: 'testing' } : { room: 'sdk', folder: 'sdk' }
  }
  if (parts[0] === 'kernel' && parts[1] === 'src') {
    const room = parts.length > 3 ? parts[2]! : 'kernel'
    return { room, folder: room }
  }
  if (parts[0] === 'plugins' && parts[2] === 'src') return { room: 'plugin', folder: parts[1]! }
  return undefined
}

function targetOf(path: string, specifier: string): Room | undefined {
  if (specifier.startsWith('.')) {
    const resolved = new URL(specifier, `file:///${path}`).pathname.slice(1)
    return roomOf(resolved) ?? { room: `a file outside every src folder`, folder: resolved }
  }
  const own = /^@ccr\/([^/]+)(\/testing|\/kernel)?/.exec(specifier)
  if (!own) return undefined
  if (own[1] === 'sdk' && own[2] === '/kernel') return { room: 'sdk/kernel', folder: 'sdk/kernel' }
  if (own[1] === 'sdk') return own[2] ? { room: 'testing', folder: 'testing' } : { room: 'sdk', folder: 'sdk' }
  if (own[1] === 'kernel') return { room: 'kernel', folder: 'kernel' }
  return { room: 'plugin', folder: own[1]!.replace(/^plugin-/, '') }
}

/** Reads a word list: one word a line, `#` starts a comment. */
export function readWords(list: string): string[] {
  return list
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

/** Vendor words in the rooms that may know none. */
export function checkVendorWords(
  files: FileMap,
  words: readonly string[],
  exceptions: readonly WordException[] = [],
): string[] {
  const found: string[] = []
  const patterns = words.map((word) => [word, patternOf(word)] as const)
  for (const [path, text] of files) {
    if (isTest(path) || !/^kernel\/src\/(core|exchange|load|config)\//.test(path)) continue
    for (const [word, pattern] of patterns) {
      if (exceptions.some((one) => one.file === path && one.word === word)) continue
      for (const match of text.matchAll(pattern)) found.push(at(path, text, match.index, `vendor word '${match[0]}'`))
    }
  }
  return found
}

/** Exceptions that nothing needs any more. */
export function checkExceptions(files: FileMap, exceptions: readonly WordException[]): string[] {
  return exceptions
    .filter(({ file, word }) => files.get(file)?.search(patternOf(word)) === -1 || !files.has(file))
    .map(({ file, word }) => `${file}: the exception for '${word}' is not needed`)
}

function patternOf(word: string): RegExp {
  const escaped = word.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&')
  if (word.length > 4) return new RegExp(escaped, 'gi')
  // A word part begins after a non-letter or at a capital, and ends before a non-letter or at a capital.
  const capital = escaped[0]!.toUpperCase() + escaped.slice(1)
  const upper = escaped.toUpperCase()
  return new RegExp(`(?<![A-Za-z])${escaped}(?![a-z])|${capital}(?![a-z])|(?<![A-Z])${upper}(?![A-Za-z])`, 'g')
}

/** Lines that hold code: blank lines and comments do not count. */
export function linesOfCode(text: string): number {
  const file = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true)
  const lines = new Set<number>()
  const visit = (node: ts.Node): void => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return
    const children = node.getChildren(file)
    if (children.length > 0) return children.forEach(visit)
    const [start, end] = [node.getStart(file), node.getEnd()]
    if (start === end) return
    const last = file.getLineAndCharacterOfPosition(end).line
    for (let line = file.getLineAndCharacterOfPosition(start).line; line <= last; line++) lines.add(line)
  }
  visit(file)
  return lines.size
}

/** The rooms that stay small, and what leaves one must not simply swell the other. */
const SMALL = [
  { name: 'kernel/src/core + exchange', path: /^kernel\/src\/(core|exchange)\// },
  { name: 'sdk/src/kernel', path: /^sdk\/src\/kernel\// },
]

/** The lines of code of the small rooms, without tests. */
export function roomSizes(files: FileMap): { readonly name: string; readonly size: number }[] {
  return SMALL.map(({ name, path: pattern }) => {
    const inside = [...files].filter(([path]) => pattern.test(path) && !isTest(path))
    return { name, size: inside.reduce((sum, [, text]) => sum + linesOfCode(text), 0) }
  })
}

/** Small rooms of `limit` lines of code or more. */
export function checkRoomSizes(files: FileMap, limit = 2000): string[] {
  const large = roomSizes(files).filter(({ size }) => size >= limit)
  return large.map(({ name, size }) => `${name}: ${size} lines of code, fewer than ${limit} are allowed`)
}

/** Files that are too long, and lines that are too wide. */
export function checkFileSizes(files: FileMap): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    const lines = text.replace(/\n$/, '').split('\n')
    const limit = isTest(path) ? 600 : 400
    if (lines.length > limit) found.push(`${path}: ${lines.length} lines, at most ${limit}`)
    lines.forEach((line, index) => {
      if (line.length > 120) found.push(`${path}:${index + 1}: ${line.length} characters, at most 120`)
    })
  }
  return found
}

/** An `index.ts` that does more than re-export; the entry of a plugin holds its `definePlugin` instead. */
export function checkIndexFiles(files: FileMap): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    if (!path.endsWith('/index.ts') || /^plugins\/[^/]+\/src\/index\.ts$/.test(path)) continue
    for (const statement of parse(path, text).statements) {
      if (ts.isExportDeclaration(statement) && statement.moduleSpecifier) continue
      found.push(at(path, text, statement.getStart(), 'an index file only re-exports'))
    }
  }
  return found
}

/** Places that reveal a secret, outside the files that may. */
export function checkReveals(files: FileMap, allowed: readonly string[]): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    if (isTest(path) || allowed.includes(path)) continue
    for (const match of text.matchAll(/\.reveal\b/g)) found.push(at(path, text, match.index, 'a secret is revealed'))
  }
  return found
}

/** Imports of a library that load it whole, or a second copy of it, in files other than its doors. */
export function checkDoors(files: FileMap, doors: Readonly<Record<string, RegExp>>): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    if (isTest(path)) continue
    for (const [library, door] of Object.entries(doors)) {
      const taken = new RegExp(`^(?:import (?!type )|export ).* from '${library}(?:/[^']*)?'`, 'm').exec(text)
      if (taken && !door.test(path)) found.push(`${path}: '${library}' is taken elsewhere: ${String(door)}`)
    }
  }
  return found
}

/** Names that say nothing. */
export function checkNames(files: FileMap): string[] {
  return [...files.keys()]
    .filter((path) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.[a-z.]+$)/i.test(path))
    .map((path) => `${path}: the name says nothing`)
}

/** Default exports that are not a plugin's `definePlugin(…)` or a form over it, nor those of a library's door. */
export function checkDefaultExports(files: FileMap): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    const plugin = /^plugins\/[^/]+\/src\/index\.ts$/.test(path)
    if (path.startsWith('sdk/src/typebox/')) continue
    for (const statement of parse(path, text).statements) {
      if (!isDefaultExport(statement)) continue
      const defines = ts.isExportAssignment(statement) && DEFINES.test(statement.expression.getText())
      if (!plugin || !defines) found.push(at(path, text, statement.getStart(), 'a default export'))
    }
  }
  return found
}

const DEFINES = /^define(?:Plugin|Quota|Router|Transformer)\b/

function isDefaultExport(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true
  if (ts.isExportDeclaration(statement)) {
    const clause = statement.exportClause
    return (
      clause !== undefined && ts.isNamedExports(clause) && clause.elements.some((one) => one.name.text === 'default')
    )
  }
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement)?.some((one) => one.kind === ts.SyntaxKind.DefaultKeyword) ?? false)
  )
}

/** Marks of unfinished work. */
export function checkUnfinished(files: FileMap): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    for (const match of text.matchAll(/\b(?:TO[D]O|FIXM[E]|XX[X])\b/g)) {
      found.push(at(path, text, match.index, `'${match[0]}'`))
    }
  }
  return found
}

/** Skipped or focused tests. A condition for skipping (`skipIf`) is fine: it says why. */
export function checkSkippedTests(files: FileMap): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    if (!isTest(path)) continue
    for (const match of text.matchAll(/\b(?:it|test|describe)\.(?:skip|only|todo)\b/g)) {
      found.push(at(path, text, match.index, `'${match[0]}'`))
    }
  }
  return found
}

/** Uses of the type that switches the checker off. */
export function checkAny(files: FileMap): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    const visit = (node: ts.Node): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(at(path, text, node.getStart(), `the type 'any'`))
      ts.forEachChild(node, visit)
    }
    visit(parse(path, text))
  }
  return found
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
}

function at(path: string, text: string, position: number, fact: string): string {
  return `${path}:${text.slice(0, position).split('\n').length}: ${fact}`
}
