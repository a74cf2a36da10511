/** What of a package.json is checked. */
export interface PackageFile {
  readonly name?: string
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly overrides?: Readonly<Record<string, string>>
}

/** A row of the table of dependencies. */
export interface DependencyRow {
  readonly name: string
  readonly version: string
  readonly why: string
  readonly replaces: string
}

/** Versions that may be a range, and where the reason stands. */
const RANGES: Readonly<Record<string, RegExp>> = { '@types/node': /^\^20$/ }

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare', 'dependencies']

const MACHINE_PATH = /(?<![\w.~$}/@-])\/(?:work|root|home\/[\w.-]+|Users\/[\w.-]+|tmp\/[\w.-]+)(?=[/'"`\s)\]:,;]|$)/g
const REGISTRY_HOST = /\b(?:registry|artifactory|verdaccio|nexus)\.[\w-]+\.[a-z]+\b/gi

/** Paths that exist only on one machine. `text` may be any tracked file. */
export function checkPaths(path: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(MACHINE_PATH)].map((match) => `${path}:${index + 1}: a path of one machine, '${match[0]}'`),
    )
}

/** Hosts of package registries. The lock file names packages by version and integrity; npm knows where they are. */
export function checkRegistryHosts(path: string, text: string): string[] {
  const found: string[] = []
  text.split('\n').forEach((line, index) => {
    for (const match of line.matchAll(REGISTRY_HOST)) {
      found.push(`${path}:${index + 1}: the host of a registry, '${match[0]}'`)
    }
    if (/"resolved": "https?:/.test(line)) found.push(`${path}:${index + 1}: a resolved URL`)
  })
  return found
}

/** Files of the repository that a page names and that are not there; `files` are those that are. */
export function checkNamedFiles(path: string, markdown: string, files: readonly string[]): string[] {
  const roots = [...new Set(files.flatMap((file) => (file.includes('/') ? [file.split('/')[0]!] : [])))]
  const named = new RegExp(`(?<![\\w./~<>*-])(?:${roots.join('|')})/[\\w./-]*\\.[a-z]+\\b(?![\\w/*<{…])`, 'g')
  return markdown
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(named)].flatMap(([file]) =>
        files.includes(file) ? [] : [`${path}:${index + 1}: there is no ${file}`],
      ),
    )
}

/** Scripts that npm would run while it installs. */
export function checkInstallScripts(path: string, file: PackageFile): string[] {
  return Object.keys(file.scripts ?? {})
    .filter((name) => INSTALL_SCRIPTS.includes(name))
    .map((name) => `${path}: the script '${name}' runs at install`)
}

/** Dependencies whose version is not exact. Overrides are ranges: they bound what others ask for. */
export function checkPins(path: string, file: PackageFile): string[] {
  return [...dependenciesOf(file)]
    .filter(([name, version]) => !/^\d+\.\d+\.\d+$/.test(version) && !RANGES[name]?.test(version))
    .map(([name, version]) => `${path}: ${name} '${version}' is not an exact version`)
}

/** Every dependency and override of the packages has a row with its version and a reason, and no row is left over. */
export function checkReasons(packages: ReadonlyMap<string, PackageFile>, rows: readonly DependencyRow[]): string[] {
  const found: string[] = []
  const used = new Set<string>()
  for (const [path, file] of packages) {
    const overrides = Object.entries(file.overrides ?? {}).map(
      ([name, version]) => [`overrides.${name}`, version] as const,
    )
    for (const [name, version] of [...dependenciesOf(file), ...overrides]) {
      if (name.startsWith('@ccr/')) continue
      used.add(name)
      const row = rows.find((one) => one.name === name)
      if (!row) found.push(`${path}: ${name} has no row`)
      else if (row.version !== version) found.push(`${path}: ${name} is ${version}, its row says ${row.version}`)
      else if (row.why.length < 20) found.push(`${path}: the row of ${name} gives no reason`)
    }
  }
  for (const { name } of rows) if (!used.has(name)) found.push(`the row of ${name} belongs to no package`)
  return found
}

/** Reads the rows of the Markdown tables whose first cell is a name in backticks. */
export function readRows(markdown: string): DependencyRow[] {
  return markdown.split('\n').flatMap((line) => {
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    const name = /^`([^`]+)`$/.exec(cells[0] ?? '')?.[1]
    if (name === undefined || cells.length !== 4) return []
    return [{ name, version: cells[1]!.replace(/`/g, ''), why: cells[2]!, replaces: cells[3]! }]
  })
}

/** The commands of the README that begin with `npm install`, each with the scripts that package.json lacks for it. */
export function checkReadmeCommands(readme: string, file: PackageFile): string[] {
  const found: string[] = []
  for (const command of ['npm install && npm start', 'npm install && npm test']) {
    if (!readme.includes(command)) found.push(`README.md: '${command}' is not there`)
    const script = command.split(' ').at(-1)!
    if (file.scripts?.[script] === undefined) found.push(`package.json: there is no script '${script}'`)
  }
  for (const match of readme.matchAll(/\bnpm (?:run )?(?:--[\w-]+ )*(start|test|build|bench|typecheck)\b/g)) {
    if (file.scripts?.[match[1]!] === undefined) found.push(`README.md: '${match[0]}' is not a script`)
  }
  return found
}

function* dependenciesOf(file: PackageFile): Generator<readonly [string, string]> {
  for (const group of [file.dependencies, file.devDependencies, file.optionalDependencies, file.peerDependencies]) {
    yield* Object.entries(group ?? {})
  }
}
