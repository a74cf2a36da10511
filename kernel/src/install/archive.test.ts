import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { Header } from 'tar'
import { describe, expect, test } from 'vitest'
import { ARCHIVE_LIMITS, readArchive } from './archive.ts'

interface Entry {
  readonly path: string
  readonly text?: string
  readonly type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO'
  readonly linkpath?: string
  /** What the header says, whatever follows it. */
  readonly size?: number
}

/** An archive with exactly these headers, as no honest program writes them. */
function tar(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, text = '', type = 'File', linkpath = '', size }) => {
    const body = Buffer.from(text)
    const block = Buffer.alloc(512)
    new Header({ path, type, linkpath, size: size ?? body.length, mode: 0o777, mtime: new Date(0) }).encode(block, 0)
    return [block, Buffer.concat([body, Buffer.alloc((512 - (body.length % 512)) % 512)])]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

const GOOD: Entry = { path: 'package/package.json', text: '{}' }

function refused(bytes: Uint8Array, limits = ARCHIVE_LIMITS): string {
  try {
    readArchive(bytes, limits)
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'CCR_INSTALL_PACKAGE' })
    return (thrown as Error).message
  }
  throw new Error('it was read')
}

test('an archive is read by the paths inside the package, whatever its first folder is called', () => {
  const folder: Entry = { path: 'shout/dist/', type: 'Directory' }
  const files = readArchive(
    tar([{ path: 'shout/package.json', text: '{}' }, folder, { path: 'shout/dist/a.js', text: 'x' }]),
  )
  expect([...files].map(([path, bytes]) => [path, bytes.toString()])).toEqual([
    ['package.json', '{}'],
    ['dist/a.js', 'x'],
  ])
})

describe('row 137', () => {
  test.each<[string, Entry, RegExp]>([
    ['a path upwards', { path: 'package/../../evil' }, /plain path/],
    ['a path upwards with backslashes', { path: 'package\\..\\..\\evil' }, /plain path/],
    ['an absolute path', { path: '/etc/evil' }, /plain path/],
    ['a path of another drive', { path: 'package/C:evil' }, /plain path/],
    ['a path with a control character', { path: 'package/a\u0007' }, /plain path/],
    ['a file beside the package', { path: 'evil' }, /beside the package/],
    ['a symbolic link', { path: 'package/link', type: 'SymbolicLink', linkpath: '/etc/passwd' }, /SymbolicLink/],
    ['a hard link', { path: 'package/link', type: 'Link', linkpath: 'package/package.json' }, /is a Link/],
    ['a device', { path: 'package/null', type: 'CharacterDevice' }, /CharacterDevice/],
    ['a pipe', { path: 'package/pipe', type: 'FIFO' }, /FIFO/],
    ['a name that differs by case alone', { path: 'package/PACKAGE.json', text: '{}' }, /there twice/],
    ['the same name again', GOOD, /there twice/],
    ['a file in a file', { path: 'package/package.json/x', text: '{}' }, /both a file and a folder/],
    ['a file in a file by another case', { path: 'package/Package.json/x/y', text: '{}' }, /both a file and a folder/],
    ['a name that is shown as another', { path: 'package/gpj.\u202ets' }, /plain path/],
  ])('an archive with %s is refused', (_, entry, message) => {
    expect(refused(tar([GOOD, entry]))).toMatch(message)
  })

  test('a folder that becomes a file is refused too', () => {
    expect(refused(tar([GOOD, { path: 'package/A/b', text: 'x' }, { path: 'package/a', text: 'x' }]))).toMatch(
      /both a file and a folder/,
    )
  })

  test('an archive that unpacks to far more than it is, is refused before it is unpacked', () => {
    expect(refused(gzipSync(Buffer.alloc(64 * 1024 * 1024)))).toMatch(/unpacks to more than/)
  })

  test('an archive that is packed twice is refused', () => {
    expect(refused(gzipSync(tar([GOOD])))).toMatch(/more than once/)
  })

  test('a header that promises more than there is, or more than is taken, is refused', () => {
    expect(refused(tar([GOOD, { path: 'package/big', size: 2 ** 32 }]))).toMatch(/larger than/)
    expect(refused(tar([{ path: 'package/a', text: 'x', size: 100_000 }]))).toMatch(/not a tar archive/)
  })

  test('more files than are taken are refused', () => {
    const many = Array.from({ length: 11 }, (_, index) => ({ path: `package/${index}`, text: 'x' }))
    expect(refused(tar(many), { ...ARCHIVE_LIMITS, files: 10 })).toMatch(/more than 10 files/)
  })

  test.each([
    ['a zip', Buffer.from('PK\u0003\u0004')],
    ['a web page', Buffer.from('<!doctype html>')],
    ['nothing', Buffer.alloc(0)],
    ['a tar that is not packed', Buffer.alloc(2048)],
  ])('%s is refused', (_, bytes) => {
    expect(refused(bytes)).toMatch(/not a \.tgz/)
  })
})

test('whatever bytes arrive, they are read to plain paths or refused', () => {
  const whole = tar([GOOD, { path: 'package/dist/index.js', text: 'export default 1' }])
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 2048 }),
        fc.uint8Array({ maxLength: 2048 }).map((bytes) => gzipSync(bytes)),
        fc
          .tuple(fc.nat(whole.length - 1), fc.nat(255))
          .map(([at, value]) => Buffer.from(whole).fill(value, at, at + 1)),
        fc.nat(whole.length).map((end) => whole.subarray(0, end)),
      ),
      (bytes) => {
        let paths: readonly string[] = []
        try {
          paths = [...readArchive(bytes).keys()]
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'CCR_INSTALL_PACKAGE' })
        }
        for (const path of paths) expect(path).toMatch(/^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[^\\:\0]+$/)
      },
    ),
  )
})
