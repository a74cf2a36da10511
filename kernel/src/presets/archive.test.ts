import { mkdtemp, readdir, readFile, rm, symlink, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { Header, create, type HeaderData } from 'tar'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { manifestText } from './archive.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ccr-preset-archive-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

interface Member extends HeaderData {
  readonly path: string
  readonly content?: string
}

/** A packed archive with these entries, whatever they are called. */
function tarball(members: readonly Member[]): Buffer {
  const blocks = members.flatMap(({ content = '', ...data }) => {
    const body = Buffer.from(content)
    const header = Buffer.alloc(512)
    new Header({ mode: 0o644, mtime: new Date(0), size: body.length, type: 'File', ...data }).encode(header, 0)
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

const MANIFEST: Member = { path: 'package/manifest.json', content: '{"name":"a"}' }

describe('the manifest of a packed package', () => {
  it('is read, whatever lies beside it', async () => {
    await mkdir(join(root, 'package'))
    await writeFile(join(root, 'package/manifest.json'), '{"name":"a"}')
    await writeFile(join(root, 'package/package.json'), '{"scripts":{"install":"touch marker"}}')
    await create({ gzip: true, cwd: root, file: join(root, 'a.tgz') }, ['package'])
    expect(manifestText(await readFile(join(root, 'a.tgz')), 'a.tgz')).toBe('{"name":"a"}')
  })

  it.each<[string, readonly Member[]]>([
    ['../../x', [MANIFEST, { path: '../../x', content: 'x' }]],
    ['/abs', [MANIFEST, { path: '/abs/x', content: 'x' }]],
    ['..\\x', [MANIFEST, { path: 'package/..\\x', content: 'x' }]],
    ['../foo-evil/x', [MANIFEST, { path: 'package/../foo-evil/x', content: 'x' }]],
    ['a symbolic link', [MANIFEST, { path: 'package/link', type: 'SymbolicLink', linkpath: '/etc' }]],
    ['a hard link', [MANIFEST, { path: 'package/link', type: 'Link', linkpath: '/etc/passwd' }]],
    ['a device', [MANIFEST, { path: 'package/null', type: 'CharacterDevice' }]],
    ['names that differ by case', [MANIFEST, { path: 'package/Manifest.json', content: '{}' }]],
    ['a folder called manifest.json', [{ path: 'package/manifest.json/', type: 'Directory' }]],
    ['no manifest', [{ path: 'package/other.json', content: '{}' }]],
    [
      '250 files',
      [MANIFEST, ...Array.from({ length: 250 }, (_, index) => ({ path: `package/${index}`, content: 'x' }))],
    ],
    ['a manifest of 2 MiB', [{ path: 'package/manifest.json', content: ' '.repeat(2 * 1024 * 1024) }]],
    ['a declared size of 4 GB', [{ path: 'package/manifest.json', size: 4 * 1024 ** 3 }]],
  ])('S13, row 137: is refused with %s, and nothing is written', async (_, members) => {
    expect(() => manifestText(tarball(members), 'a.tgz')).toThrow(
      expect.objectContaining({ code: 'CCR_PRESET_INVALID' }) as Error,
    )
    expect(await readdir(root)).toEqual([])
  })

  it('S14, row 137: one that unpacks to far more than it is is refused before it is unpacked', () => {
    // 4 GB of zeros in 4 MB: an archive of archives is one archive.
    const part = gzipSync(Buffer.alloc(1024 * 1024))
    const bomb = Buffer.concat(Array.from({ length: 4096 }, () => part))
    const before = process.memoryUsage().rss
    expect(() => manifestText(bomb, 'bomb.tgz')).toThrow(/unpacks to more than/)
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024)
  })

  it('row 137: a zip, of any content, is refused by what it is', () => {
    for (const text of ['PK\u0003\u0004rest', 'PK\u0005\u0006']) {
      expect(() => manifestText(Buffer.from(text), 'a.zip')).toThrow(/zip archive.*Unpack it/)
    }
  })

  it('K4: of any names and types, it is the manifest or an error, and nothing else happens', async () => {
    const name = fc.string({
      unit: fc.constantFrom('a', '/', '\\', '.', ':', '~', 'é', 'CON'),
      minLength: 1,
      maxLength: 12,
    })
    const type = fc.constantFrom<NonNullable<HeaderData['type']>>('File', 'Directory', 'SymbolicLink', 'Link')
    const member = fc.record({ path: name, type, linkpath: name, content: fc.constant('') })
    await symlink('/etc', join(root, 'outside'))
    fc.assert(
      fc.property(fc.array(member, { maxLength: 4 }), (members) => {
        try {
          expect(manifestText(tarball([MANIFEST, ...members]), 'a.tgz')).toBe(MANIFEST.content)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'CCR_PRESET_INVALID' })
        }
      }),
    )
    expect(await readdir(root)).toEqual(['outside'])
  })

  it('of a file that is no archive is the file', () => {
    expect(manifestText(Buffer.from('{"a":1}'), 'a.json')).toBe('{"a":1}')
  })
})
