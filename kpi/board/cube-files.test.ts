// What is written and read again gives the figures that counting anew gives, whenever it was written, and whatever became
// of the files.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import type { CaseRecord, KpiValue } from '../contract.ts'
import { loadDefinitions } from '../definitions/load.ts'
import { demoProvince } from '../demo/province.ts'
import { Cells, Names } from '../engine/cells.ts'
import { decodeBlock, encodeCells, readCellsHeader } from '../engine/cells-file.ts'
import { rational } from '../rational.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { createBoard, type Question } from './board.ts'

const rules = resolve(import.meta.dirname, '../../rules/kpi')
const nowMs = Date.UTC(2026, 10, 24, 4)
const day = 86_400_000
const province = demoProvince(rules, seededRandom(3), nowMs)
const records = province.cases(2500).map(({ record }) => record)
const facts = province.facts
const definitions = loadDefinitions(rules)
const { version } = definitions.byId.get('online-completion')!.plan.definition
const cubeOf = (directory: string): string => join(directory, 'cubes', `online-completion@${version}`)
const calendars = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)

const questions: Omit<Question, 'kpi' | 'switches'>[] = [
  { period: 'all', by: [], only: {} },
  { period: '2026', by: ['city'], only: {} },
  { period: '2026-10', by: ['department'], only: {} },
  { period: 'all', by: ['period'], only: { city: '4401' } },
  { period: '2026', by: ['item'], only: { city: '4403' } },
  { period: '2026-Q3', by: ['item'], only: {} },
]

let directory = ''
let cases: CaseStore
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-cubes-'))
  cases = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
  await cases.open()
})
afterEach(async () => {
  await cases.close()
  await rm(directory, { recursive: true, force: true })
})

function board(at: () => number, files: boolean) {
  return createBoard({
    ...{ definitions, calendars, cases, nowMs: at },
    facts: () => facts,
    catalogueVersion: () => 1,
    ...(files && { directory: join(directory, 'cubes') }),
  })
}

async function figures(of: ReturnType<typeof board>): Promise<KpiValue[]> {
  const all: KpiValue[] = []
  for (const { definition } of of.plans()) {
    if (definition.fact !== 'case') continue
    const options = Object.entries(definition.switches).flatMap(([name, { options }]) =>
      Object.keys(options).map((option) => ({ [name]: option })),
    )
    for (const question of questions)
      for (const switches of [{}, ...options]) {
        const values = await of.values({ ...question, kpi: definition.id, switches })
        all.push(...values.map((value) => ({ ...value, knownMs: 0, validMs: 0 })))
      }
  }
  return all
}

/** A correction that closes what was open, or moves it into another month. */
function corrected(record: CaseRecord, i: number): CaseRecord {
  const closedMs = (record.closedMs ?? record.openedMs ?? nowMs) + (i % 3) * 20 * day
  return { ...record, version: record.version + 1, closedMs: Math.min(closedMs, nowMs), outcome: 'granted' }
}

it('goes on after a stop where it was, through corrections and the passing of days', async () => {
  let at = nowMs - 3 * day
  const parts = [records.slice(0, 1200), records.slice(1200, 1800).concat(records.slice(0, 150).map(corrected))]
  for (const part of parts) {
    await cases.append(part, at)
    const first = board(() => at, true)
    await first.refresh()
    await first.save()
    at += day
  }
  await cases.append([...records.slice(1800), ...records.slice(1300, 1400).map(corrected)], at)
  const again = board(() => at, true)
  await again.refresh()
  expect(again.sequence).toBe(await cases.lastSequence())
  const anew = board(() => at, false)
  await anew.refresh()
  const wanted = await figures(anew)
  expect(wanted.filter(({ state }) => state === 'value' || state === 'provisional').length).toBeGreaterThan(500)
  expect(await figures(again)).toEqual(wanted)
  // Also while some of it is in memory and some in files, and after all of it went there.
  await again.save()
  expect(await figures(again)).toEqual(wanted)
})

it.each(['0', '1', '2'])(
  'is counted anew when files of a grain are damaged: %s',
  async (grain) => {
    await cases.append(records.slice(0, 600), nowMs)
    const first = board(() => nowMs, true)
    await first.refresh()
    await first.save()
    const wanted = await figures(first)
    const folder = cubeOf(directory)
    for (const name of (await readdir(folder)).filter((file) => /-(\d)-\d+$/.exec(file)?.[1] === grain)) {
      const bytes = await readFile(join(folder, name))
      bytes[bytes.length - 3]! ^= 0x40
      await writeFile(join(folder, name), bytes)
    }
    const again = board(() => nowMs, true)
    await again.refresh()
    expect(await figures(again)).toEqual(wanted)
  },
  60_000,
)

it('writes and reads any cells, with sums of any size and denominator', async () => {
  const row = fc.record({
    codes: fc.tuple(fc.nat(5), fc.nat(40)),
    bits: fc.constantFrom(0, 1, 5, -2147483648),
    amount: fc.option(
      fc.tuple(fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n }), fc.constantFrom(1n, 2n, 24n, 1_000_003n)),
      { nil: undefined },
    ),
    times: fc.constantFrom(1 as const, 1 as const, -1 as const),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 80 }), async (rows) => {
      const names = [new Names(), new Names()]
      for (let i = 0; i < 50; i++) for (const one of names) one.code(`n${i}`)
      const cells = new Cells(names, 2, 1)
      const exact = new Map<string, { count: number; sum: string }>()
      for (const { codes, bits, amount, times } of rows)
        cells.tally(codes, bits, [undefined, amount && rational(...amount)], times)
      for (const { codes, bits } of rows) {
        const own = rows.filter((one) => String(one.codes) === String(codes) && one.bits === bits)
        let [n, d] = [0n, 1n]
        for (const { amount, times } of own)
          if (amount) [n, d] = [n * amount[1] + amount[0] * BigInt(times) * d, d * amount[1]]
        const count = own.reduce((sum, { times }) => sum + times, 0)
        if (count !== 0 || n !== 0n) exact.set(`${codes} ${bits}`, { count, sum: plain(n, d) })
      }
      const bytes = await encodeCells(cells, 1)
      const { header, start } = readCellsHeader((offset, length) => bytes.subarray(offset, offset + length))
      const read = new Map<string, { count: number; sum: string }>()
      for (const block of header.blocks) {
        const at = start + block.offset
        const part = decodeBlock(bytes.subarray(at, at + block.bytes), block, header, names)
        for (let i = 0; i < part.size; i++) {
          const { n, d } = part.sum(i, 1)
          read.set(`${part.code(i, 0)},${part.code(i, 1)} ${part.bits(i)}`, {
            count: part.counts[i]!,
            sum: plain(n, d),
          })
        }
      }
      expect(read).toEqual(exact)
    }),
  )
})

function plain(n: bigint, d: bigint): string {
  let [x, y] = [n < 0n ? -n : n, d]
  while (y !== 0n) [x, y] = [y, x % y]
  return x === 0n ? '0' : `${n / x}/${d / x}`
}
