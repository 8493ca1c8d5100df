import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import JSZip from 'jszip'
import { pack as tarPack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadRules } from './load.ts'
import { applyImport, packDirectory, planImport } from './pack-import.ts'

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const rule = (n: number, text = 'x'): string =>
  `title: Rule ${n}\nid: ${id(n)}\nauthor: Author ${n}\nlogsource: { product: linux }\ndetection:\n  s: { a: ${text} }\n  condition: s\n`
const bad = (n: number): string => rule(n).replace('condition: s', 'condition: t')

let work: string
let base: string
let copy: string
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'guanlan-import-'))
  base = join(work, 'data', 'sigma')
  copy = join(work, 'copy')
})
afterEach(() => rm(work, { recursive: true }))

const write = async (files: Record<string, string>): Promise<void> => {
  await rm(copy, { recursive: true, force: true })
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(copy, file)), { recursive: true })
    await writeFile(join(copy, file), text)
  }
}
const plan = () => planImport(base, copy, new Map())
const titles = async (): Promise<string[]> => {
  const { rules, problems } = await loadRules((await packDirectory(base))!, {
    placeholders: new Map(),
    license: 'DRL 1.1',
  })
  expect(problems).toEqual([])
  return rules.map(({ meta }) => `${meta.title}: ${meta.author}, ${meta.license}`).sort()
}

describe('an import', () => {
  test('tells what would change, and changes nothing until it is applied', async () => {
    await write({ 'rules/a.yml': rule(1), 'rules/b.yml': rule(2) })
    const first = await plan()
    expect(first.diff.new.map(({ title, author, file }) => [title, author, file])).toEqual([
      ['Rule 1', 'Author 1', 'rules/a.yml'],
      ['Rule 2', 'Author 2', 'rules/b.yml'],
    ])
    expect(await packDirectory(base)).toBeUndefined()
    await applyImport(base, copy, first, 5)
    expect(await titles()).toEqual(['Rule 1: Author 1, DRL 1.1', 'Rule 2: Author 2, DRL 1.1'])
    expect(JSON.parse(await readFile(join(base, 'pack.json'), 'utf8'))).toMatchObject({
      importedAtMs: 5,
      rules: 2,
      source: copy,
    })

    await write({ 'rules/a.yml': rule(1, 'y'), 'rules/c.yml': rule(3) })
    const second = await plan()
    expect(second.diff).toMatchObject({
      ...{ new: [{ id: id(3) }], changed: [{ id: id(1) }], gone: [{ id: id(2) }], unchanged: 0, problems: [] },
    })
    await applyImport(base, copy, second, 6)
    expect(await titles()).toEqual(['Rule 1: Author 1, DRL 1.1', 'Rule 3: Author 3, DRL 1.1'])
    expect((await readdir(base)).filter((name) => name.startsWith('pack-'))).toHaveLength(1)
    expect((await plan()).diff).toMatchObject({ new: [], changed: [], gone: [], unchanged: 2 })
  })
  test('refuses what is wrong with file, line and cause, takes the rest, and keeps what it was', async () => {
    await write({ 'rules/a.yml': rule(1), 'rules/b.yml': rule(2) })
    await applyImport(base, copy, await plan(), 1)
    await write({ 'rules/a.yml': bad(1), 'rules/b.yml': rule(2), 'rules/c.yml': bad(3), 'rules/d.yml': rule(4) })
    const second = await plan()
    expect(second.diff.problems.map(({ file, line }) => [file, line])).toEqual([
      ['rules/a.yml', 7],
      ['rules/c.yml', 7],
    ])
    expect(second.diff).toMatchObject({
      new: [{ id: id(4) }],
      changed: [],
      gone: [],
      unchanged: 2,
      kept: [{ id: id(1) }],
    })
    await applyImport(base, copy, second, 2)
    expect(await titles()).toHaveLength(3)
  })
  test('reads a zip as GitHub gives it, and nothing that points out of it', async () => {
    const zip = new JSZip()
    zip.file('sigma-8eaafff/rules/linux/a.yml', rule(1))
    zip.file('sigma-8eaafff/rules-threat-hunting/b.yml', rule(2))
    zip.file('sigma-8eaafff/README.md', 'text')
    copy = join(work, 'sigma.zip')
    await writeFile(copy, await zip.generateAsync({ type: 'nodebuffer' }))
    const found = await plan()
    expect([...found.files.keys()]).toEqual(['rules/linux/a.yml', 'rules-threat-hunting/b.yml'])
    await applyImport(base, copy, found, 1)
    expect(await titles()).toHaveLength(2)
  })
  test('an archive cannot write elsewhere', async () => {
    const archive = tarPack()
    archive.entry({ name: 'rules/a.yml' }, rule(1))
    archive.entry({ name: '../../out.yml' }, rule(2))
    archive.entry({ name: '/etc/out.yml' }, rule(3))
    archive.finalize()
    copy = join(work, 'sigma.tar')
    const parts: Buffer[] = []
    for await (const part of archive) parts.push(part as Buffer)
    await writeFile(copy, Buffer.concat(parts))
    const found = await plan()
    expect([...found.files.keys()]).toEqual(['rules/a.yml'])
    expect(found.diff.problems.map(({ cause }) => cause)).toEqual(Array(2).fill('its name points out of the archive'))
  })
  test('a pointer that was tampered with is refused', async () => {
    await mkdir(base, { recursive: true })
    await writeFile(join(base, 'pack.json'), JSON.stringify({ directory: '../../elsewhere' }))
    await expect(packDirectory(base)).rejects.toThrow('not one of ours')
  })
  const pack = resolve(import.meta.dirname, '../../../shared/data/sigma/rules/sigma-rules.tar.gz')
  test.skipIf(!existsSync(pack))(
    'takes the whole pack (needs shared/data/sigma)',
    async () => {
      copy = pack
      const found = await plan()
      expect([found.rules, found.diff.new.length, found.diff.problems]).toEqual([3780, 3780, []])
      await applyImport(base, copy, found, 1)
      expect(await titles()).toHaveLength(3780)
      expect((await plan()).diff).toMatchObject({ new: [], changed: [], gone: [], unchanged: 3780 })
    },
    60_000,
  )
})
