import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ClockedIncident, dutyClocks, usedShare } from './duty-clock.ts'
import { type Grade, grades, isAtLeast } from './model.ts'
import type { QueueRow } from './queries/queue.ts'
import { proposeGrade } from './rulebook/grading.ts'
import { matching } from './rulebook/playbook.ts'
import { rulebook } from './testing.ts'
import { clockFindings } from './warn.ts'

const { reporting, grading } = rulebook
const minuteMs = 60_000
const incident = (part: Partial<ClockedIncident> = {}): ClockedIncident => ({
  ...{ grade: 'larger', operator: 'other', discoveredMs: 0, recoveredMs: null, closedMs: null },
  ...{ disposition: null, state: 'triaged', ...part },
})

describe('the duty to report', () => {
  it('has the hours of the rule for each operator, and the onward duty from serious incidents on', () => {
    const of = (operator: string, grade: Grade) =>
      dutyClocks(reporting, incident({ operator, grade }), 'general', [], 0)[0]!
    expect(['infrastructure', 'central', 'other'].map((one) => of(one, 'larger').dueMs! / minuteMs)).toEqual([
      60, 120, 240,
    ])
    expect(of('infrastructure', 'larger').onward).toBeNull()
    expect(['infrastructure', 'central', 'other'].map((one) => of(one, 'major').onward?.minutes)).toEqual([30, 60, 60])
    expect(of('other', 'general').state).toBe('idle')
  })

  it('is never idle from the floor on unless filed or nothing, whatever the time', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...grades),
        fc.option(fc.constantFrom(...grades), { nil: null }),
        fc.option(fc.constantFrom('real' as const, 'false-positive' as const, 'merged' as const), { nil: null }),
        fc.option(fc.integer({ min: 0, max: 600 })),
        fc.integer({ min: 0, max: 600 }),
        (proposed, grade, disposition, filedAt, now) => {
          const filed = filedAt === null ? [] : [{ kind: 'first' as const, filedMs: filedAt * minuteMs }]
          const [first] = dutyClocks(reporting, incident({ grade, disposition }), proposed, filed, now * minuteMs)
          const must = isAtLeast(grade ?? proposed, 'larger') && (disposition === null || disposition === 'real')
          if (filedAt !== null) expect(first!.state).toMatch(/^filed/)
          else if (!must) expect(first!.state).toBe('idle')
          else expect(first!.state).toBe(now > 240 ? 'overdue' : grade === null ? 'provisional' : 'running')
        },
      ),
    )
  })

  it('warns at half, at four fifths and when it is over, each once, and ends when it was filed', () => {
    const row =
      (filedMs?: number) =>
      (nowMs: number): QueueRow =>
        ({
          incident: { ...incident(), number: 7, entities: ['host:web-1'] },
          clocks: dutyClocks(
            reporting,
            incident(),
            'larger',
            filedMs === undefined ? [] : [{ kind: 'first', filedMs }],
            nowMs,
          ),
        }) as unknown as QueueRow
    let told = new Map<string, 'info' | 'low' | 'medium' | 'high' | 'critical'>()
    const at = (minutes: number, of = row()) => {
      const said = clockFindings([of(minutes * minuteMs)], reporting, told, minutes * minuteMs)
      told = said.told
      return said.findings.map(({ severity, state, labels }) => `${state} ${severity} ${labels['incident']}`)
    }
    expect([0, 119, 120, 121, 192, 193, 240, 241].map((one) => at(one))).toEqual([
      ...[[], [], ['active medium 7'], [], ['active high 7'], [], ['active critical 7'], []],
    ])
    expect(at(242, row(241 * minuteMs))).toEqual(['over info 7'])
    expect(at(243, row(241 * minuteMs))).toEqual([])
  })

  it('runs evenly from discovery to its end', () => {
    expect(usedShare({ fromMs: 0, dueMs: 100 }, 50)).toBe(0.5)
    expect(usedShare({ fromMs: null, dueMs: null }, 50)).toBe(0)
  })
})

describe('the proposed grade', () => {
  const hit = (
    criticality: 'critical' | 'high' | 'low',
    tactics: string[] = [],
    severity: 'high' | 'critical' = 'high',
  ) => ({ severity, tactics, entities: [{ id: 'host:a', criticality, protectionLevel: 0 }] }) as const

  it('follows the matrix of importance and loss', () => {
    const grade = (...given: Parameters<typeof hit>) => proposeGrade(grading, hit(...given)).grade
    expect(grade('critical', ['exfiltration'], 'critical')).toBe('major')
    expect(grade('critical', ['exfiltration'])).toBe('larger')
    expect(grade('high', ['impact'], 'critical')).toBe('larger')
    expect(grade('low', ['impact'], 'critical')).toBe('general')
    expect(proposeGrade(grading, { severity: 'high', tactics: [], entities: [] }).importance).toBe('ordinary')
  })

  it('never falls when something gets worse', () => {
    const { loss, harm } = grading.matrix
    const worstFirst = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(2e8))
    fc.assert(
      fc.property(worstFirst, worstFirst, (a, b) => {
        const rank = ([i, l, h, persons]: readonly number[]) =>
          grades.indexOf(
            proposeGrade(grading, hit('low'), {
              ...{ importance: grading.matrix.importance[Math.min(i!, 2)]!.id, loss: loss[l!]!.id, harm: harm[h!]!.id },
              figures: { leakedPersons: persons! },
            }).grade,
          )
        const worse = [0, 1, 2].map((n) => Math.min(a[n]!, b[n]!)).concat(Math.max(a[3], b[3]))
        expect(rank(worse)).toBeLessThanOrEqual(Math.min(rank(a), rank(b)))
      }),
    )
  })

  it('takes figures of the annex, the figure itself included', () => {
    const grade = (leakedPersons: number) => proposeGrade(grading, hit('low'), { figures: { leakedPersons } }).grade
    expect([999_999, 1_000_000, 10_000_000, 100_000_000].map(grade)).toEqual(['general', 'larger', 'major', 'extreme'])
  })
})

it('a playbook fits by kind first, by technique then', () => {
  const ids = (seen: Parameters<typeof matching>[1]) => matching(rulebook.playbooks, seen).map(({ id }) => id)
  expect(ids({ kinds: ['ransomware'], techniques: ['T1110.001'], tactics: [] })).toEqual(['ransomware', 'brute-force'])
  expect(ids({ kinds: [], techniques: [], tactics: [] })).toEqual([])
})
