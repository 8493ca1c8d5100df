import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import { caseMapping, importCases } from './import.ts'
import { loadEvidence } from './load.ts'
import { withUpload } from './upload.ts'

let directory: string
let cases: CaseStore
const mapping = caseMapping({
  fact: 'case',
  fields: {
    id: '编号',
    department: '部门',
    openedMs: { column: '受理', time: 'iso' },
    closedMs: { column: '办结', time: 'iso' },
  },
})
const rows = ['编号,部门,受理,办结', 'A-1,d-1,2026-03-02,2026-03-05', 'A-2,d-1,2026-03-03,']
const take = async (lines: string[], more: { dryRun?: boolean; source?: string } = {}) => {
  const file = join(directory, 'cases.csv')
  await writeFile(file, lines.join('\n'))
  return importCases(file, { mapping, source: 'bureau', knownMs: Date.UTC(2026, 3, 1), dryRun: false, ...more }, cases)
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-import-test-'))
  cases = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
  await cases.open()
})
afterEach(async () => {
  await cases.close()
  await rm(directory, { recursive: true, force: true })
})

test('a dry run says what would be new and keeps nothing', async () => {
  expect(await take(rows, { dryRun: true })).toMatchObject({
    rows: 2,
    cases: 2,
    fresh: 2,
    problems: [],
    kept: undefined,
  })
  expect(await cases.lastSequence()).toBe(0)
})

test('the same file again is known, a changed row is the next version', async () => {
  expect((await take(rows)).kept?.stored).toBe(2)
  expect(await take(rows)).toMatchObject({ fresh: 0, duplicates: 2 })
  const closed = [...rows.slice(0, 2), 'A-2,d-1,2026-03-03,2026-03-06']
  expect(await take(closed)).toMatchObject({ fresh: 1, duplicates: 1 })
  const versions = await cases.versions('A-2')
  expect(versions.map(({ record }) => [record.version, record.source, record.closedMs !== null])).toEqual([
    [1, 'bureau', false],
    [2, 'bureau', true],
  ])
})

test('one wrong row keeps everything out, and is named', async () => {
  const found = await take([...rows, 'A-3,d-1,26-03-04,'])
  expect(found.kept).toBeUndefined()
  expect(found.problems).toEqual([
    {
      row: 4,
      cause: expect.stringContaining('26-03-04'),
      hint: expect.stringContaining('Write the year with four digits'),
    },
  ])
  expect(await cases.lastSequence()).toBe(0)
})

test('what another told of is not overwritten', async () => {
  await take(rows)
  const found = await take([rows[0]!, 'A-1,d-9,2026-03-02,2026-03-09'], { source: 'elsewhere' })
  expect(found.problems).toMatchObject([{ cause: 'case A-1 came from bureau before' }])
  expect(await cases.versions('A-1')).toHaveLength(1)
})

test('a mapping that is none, or of the catalogue, is refused by name', () => {
  expect(() => caseMapping({ fact: 'case', fields: {} })).toThrow(/mapping/)
  expect(() => caseMapping({ fact: 'item', fields: { id: 'code' } })).toThrow(/of the catalogue/)
})

test('takes the bytes of a file that is not UTF-8, and not what a program made of them', async () => {
  // 编号,部门 and 1,人社局 in GB18030.
  const bytes = Buffer.from('b1e0bac52cb2bfc3c50a312cc8cbc9e7bed60a', 'hex')
  const given = caseMapping({ fact: 'case', format: 'csv', fields: { id: '编号', department: '部门' } })
  const read = (content: string, base64?: boolean) =>
    withUpload({ content, format: 'csv', ...(base64 === undefined ? {} : { base64 }) }, async (file) => {
      const { cases: found } = await loadEvidence([{ file, mapping: given, knownMs: 0 }])
      return found.map(({ record: { id, department } }) => [id, department])
    })
  expect(await read(bytes.toString('base64'), true)).toEqual([['1', '人社局']])
  expect(await read('编号,部门\n1,人社局\n')).toEqual([['1', '人社局']])
  await expect(read(bytes.toString('utf8'))).rejects.toMatchObject({
    message: expect.stringContaining('U+FFFD'),
    hint: expect.stringContaining('`base64: true`'),
  })
})
