// From the figure of one period to that of another in steps that add up: what was said of the first one then, what is said of
// it now, by the definition and choices of the second one, and what the world did in between. Where the second one is by
// another version of the definition, both are taken by that version, and what the version alone does is a step of its own.
import type { KpiValue, Switches } from '../contract.ts'
import { add, fromText, textOf } from '../rational.ts'
import type { Board, Question } from './board.ts'
import { decompose, difference, type Step } from './waterfall.ts'

export interface MovementQuestion {
  kpi: string
  from: string
  to: string
  /** What groups are told apart by. */
  by: string
  only: Record<string, string>
  switches: Switches
  /** Choices in force before, when they differ. */
  switchesBefore?: Switches
  /** What was said of `from` then. */
  knownMsBefore?: number
}

export interface Movement {
  before: KpiValue
  after: KpiValue
  steps: Step[]
}

export async function movementOf(board: Board, question: MovementQuestion): Promise<Movement> {
  const { kpi, from, to, by, only, switches, switchesBefore = switches, knownMsBefore } = question
  const ask = (period: string, by: string[], more: Partial<Question>): Promise<KpiValue[]> =>
    // Its parts are counted; what was published of the whole would not add up with them.
    board.values({ kpi, period, by, only, switches, asCounted: true, ...more })
  const one = async (more: Partial<Question>): Promise<KpiValue> => (await ask(from, [], more))[0]!
  const version = board.planFor({ kpi, period: to })!.definition.version
  const groups = async (period: string): Promise<KpiValue[]> => ask(period, [by], { version })
  // Choices that a version does not know cannot have been made by it.
  const chosenBy = (times: { knownMs?: number; version?: string }): Switches => {
    const plan = board.planFor({ kpi, period: from, ...times })
    const known = plan?.definition.switches ?? {}
    return Object.fromEntries(
      Object.entries(switchesBefore).filter(([name, option]) => Object.hasOwn(known[name]?.options ?? {}, option)),
    )
  }
  const said = (times: { knownMs?: number; version?: string }): Promise<KpiValue> =>
    one({ ...times, switches: chosenBy(times) })

  // All at once: what is worked out from the evidence takes one pass over it.
  const [[after], sameWay, groupsBefore, groupsAfter, now, then] = await Promise.all([
    ask(to, [], {}),
    one({ version }),
    groups(from),
    groups(to),
    said({}),
    knownMsBefore === undefined ? undefined : said({ knownMs: knownMsBefore }),
  ])
  const world = decompose({ whole: sameWay, groups: groupsBefore }, { whole: after!, groups: groupsAfter })
  const definition: Step[] = []
  if (question.switchesBefore !== undefined || now.definitionVersion !== version)
    definition.push(difference('definition', now, sameWay))
  if (then === undefined) return { before: now, after: after!, steps: [...together(definition), ...world] }
  // A definition that was applied backwards since: what it did is told apart from what other data did.
  const isOther = then.definitionVersion !== now.definitionVersion
  const otherData = isOther ? await said({ version: then.definitionVersion }) : now
  if (isOther) definition.unshift(difference('definition', otherData, now))
  const restated = difference('restatement', then, otherData)
  return { before: then, after: after!, steps: [restated, ...together(definition), ...world] }
}

/** As one step. */
function together(steps: readonly Step[]): Step[] {
  if (steps.length < 2) return [...steps]
  const change = steps.map((one) => fromText(one.change)).reduce(add)
  return [{ ...steps[0]!, change: textOf(change) }]
}
