// One pass over the cases for all questions of one moment that are asked together: a province's cases pass by once, and only
// those that may fall into the periods asked for.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createPace } from '#core/pace.ts'
import type { CaseScan, CaseStore } from '../contract.ts'
import type { Cohort } from '../definitions/definition.ts'
import type { Count } from '../engine/compute.ts'

export interface PassQuestion {
  /** Undefined: now, which is `nowMs`. */
  knownMs: number | undefined
  nowMs: number
  /** One department; of several all cases are looked at. */
  department: string | undefined
  cohort: Cohort
  /** Of the period. */
  fromMs: number
  toMs: number
}

export interface Passes {
  /** Resolves when every case of then was taken. */
  count(count: Count, question: PassQuestion): Promise<void>
}

interface Pass {
  counts: Count[]
  questions: PassQuestion[]
  done: Promise<void>
}

export function createPasses(cases: Pick<CaseStore, 'scan'>): Passes {
  /** Those that have not begun. */
  const waiting = new Map<string, Pass>()
  const run = async (key: string, pass: Pass): Promise<void> => {
    // Whoever asks in the same turn comes along.
    await nextTurn()
    waiting.delete(key)
    const { counts, questions } = pass
    const pace = createPace()
    for await (const part of cases.scan(scanOf(questions)))
      for (const { record } of part) {
        for (const count of counts) count.take(record)
        await pace(true)
      }
  }
  return {
    count: (count, question) => {
      const { knownMs, department } = question
      const key = JSON.stringify([knownMs ?? 'now', oneDepartment(department)])
      let pass = waiting.get(key)
      if (!pass) {
        pass = { counts: [], questions: [], done: Promise.resolve() }
        waiting.set(key, pass)
        pass.done = run(key, pass)
      }
      pass.counts.push(count)
      pass.questions.push(question)
      return pass.done
    },
  }
}

/** What all of them need: more than one of them needs does no harm, as each count looks for itself. */
function scanOf(questions: readonly PassQuestion[]): CaseScan {
  const { knownMs, nowMs, department } = questions[0]!
  const one = oneDepartment(department)
  const scan: CaseScan = { knownMs: knownMs ?? nowMs, ...(one === undefined ? {} : { department: one }) }
  const columns = new Set(questions.map(({ cohort }) => columnOf(cohort)))
  const fromMs = Math.min(...questions.map((question) => question.fromMs))
  const toMs = Math.max(...questions.map((question) => question.toMs))
  if (columns.has(undefined) || !Number.isFinite(fromMs) || !Number.isFinite(toMs)) return scan
  const [cohort] = columns
  return { ...scan, fromMs, toMs, ...(columns.size === 1 && cohort ? { cohort } : {}) }
}

function oneDepartment(department: string | undefined): string | undefined {
  return department === undefined || department.includes('|') ? undefined : department
}

/** The time by which the store can leave cases out. */
function columnOf(cohort: Cohort): 'opened' | 'closed' | undefined {
  switch (cohort) {
    case 'closed':
      return 'closed'
    case 'opened':
    case 'none':
    case 'period':
      return 'opened'
    default:
      return undefined
  }
}
