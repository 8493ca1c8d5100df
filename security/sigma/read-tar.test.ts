// Archives of the tar program in each of its formats.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readTar } from './read-tar.ts'

const run = promisify(execFile)
const long = `${'directory-'.repeat(9)}/${'deep-'.repeat(14)}/规则.yml`
const files: Record<string, string> = { 'a.yml': 'title: a\n', 'empty.yml': '', [long]: 'x'.repeat(1500) }
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-tar-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, 'in', name)), { recursive: true })
    await writeFile(join(directory, 'in', name), text)
  }
  await symlink('a.yml', join(directory, 'in', 'link.yml'))
})
afterAll(() => rm(directory, { recursive: true }))

async function archive(format: string): Promise<Buffer> {
  const path = join(directory, `${format}.tar`)
  await run('tar', ['--format', format, '-cf', path, '-C', join(directory, 'in'), '.'])
  return readFile(path)
}

it.each(['gnu', 'pax', 'ustar', 'oldgnu'])(
  'reads the files of %s, long names included, and no links',
  async (format) => {
    const found = [...readTar(await archive(format))].map(({ name, content }) => [
      name.replace(/^\.\//, ''),
      content.toString(),
    ])
    expect(Object.fromEntries(found)).toEqual(files)
  },
)

it('says where it is damaged, and where it ends too early', async () => {
  const whole = await archive('gnu')
  const cut = whole.subarray(0, whole.indexOf('x'.repeat(100)) + 700)
  expect(() => [...readTar(cut)]).toThrow(/ends within the file at byte \d+/)
  const broken = Buffer.from(whole)
  broken[0] = broken[0]! ^ 1
  expect(() => [...readTar(broken)]).toThrow('the tar header at byte 0 is damaged')
  expect([...readTar(Buffer.alloc(0))]).toEqual([])
})
