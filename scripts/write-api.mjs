// Writes sdk/api.md, the surface that authors of plugins build on, from the declarations of the built SDK; with --check
// it only compares. Everything is in one file, so that no change of the surface goes unseen.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FILE = `${ROOT}sdk/api.md`

const ENTRIES = [
  ['@ccr/sdk', `${ROOT}sdk/dist/index.d.ts`, 'What a plugin imports.'],
  ['@ccr/sdk/testing', `${ROOT}sdk/dist/testing/index.d.ts`, 'What the tests of a plugin import.'],
]

/** The surface as Markdown. */
export function apiText() {
  // Declarations are copied and not checked, so nothing but the SDK's own files is read.
  const options = { noLib: true, types: [], module: ts.ModuleKind.NodeNext }
  const host = ts.createCompilerHost(options)
  host.resolveModuleNameLiterals = (names, importer) =>
    names.map(({ text }) => ({ resolvedModule: text.startsWith('.') ? ownModule(text, importer) : undefined }))
  const program = ts.createProgram(
    ENTRIES.map(([, file]) => file),
    options,
    host,
  )
  const checker = program.getTypeChecker()
  const sections = ENTRIES.map(([name, file, purpose]) => {
    const source = program.getSourceFile(file)
    if (source === undefined) throw new Error(`${file} does not exist; run npm run build first`)
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source))
    const texts = exported
      .sort((first, second) => (first.name < second.name ? -1 : 1))
      .map((symbol) => declarationOf(checker, symbol))
    return `## ${name}\n\n${purpose}\n\n${texts.join('\n\n')}\n`
  })
  return `# The surface of the SDK

Generated from the declarations by \`node scripts/write-api.mjs\`; review it like code. What a version of it may change:
[plugin-api.md](../docs/reference/plugin-api.md). \`@ccr/sdk/kernel\` is no part of it.

${sections.join('\n')}`
}

function ownModule(specifier, importer) {
  const file = resolve(dirname(importer), specifier).replace(/\.[jt]s$/, '.d.ts')
  return { resolvedFileName: file, extension: ts.Extension.Dts }
}

function declarationOf(checker, symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const own = (target.declarations ?? []).filter(
    (one) => relative(`${ROOT}sdk/dist`, one.getSourceFile().fileName)[0] !== '.',
  )
  if (own.length === 0) return `### ${symbol.name}\n\nAs \`typebox\` exports it.`
  const code = own.map((one) => codeOf(one)).join('\n')
  return `### ${symbol.name}\n\n\`\`\`ts\n${code}\n\`\`\``
}

/** A declaration with its comment, as the compiler wrote it. */
function codeOf(declaration) {
  const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
  const { text } = statement.getSourceFile()
  return (
    text
      .slice(statement.getFullStart(), statement.getEnd())
      .split('\n')
      // Private fields are nobody's business.
      .filter((line) => !/^\s*#private;$/.test(line))
      .join('\n')
      .trim()
      .replace(/^export (?:declare )?/m, '')
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = apiText()
  if (!process.argv.includes('--check')) writeFileSync(FILE, text)
  else if (readFileSync(FILE, 'utf8') !== text) {
    process.stderr.write('sdk/api.md is not what the SDK declares; run: node scripts/write-api.mjs\n')
    process.exitCode = 1
  }
}
