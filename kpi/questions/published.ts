// What was published stays as it was published: for the cells of a frozen period the board says what the release says, or
// the restatement of it that is in force, and beside it what the evidence would give now.
import { eq, ne } from 'drizzle-orm'
import { kpiRestatements } from '#stores/state/schema/kpi.ts'
import { kpiReleases } from '#stores/state/schema/kpi-questions.ts'
import type { Database } from '#stores/state/state.ts'
import { answering, type Board, type Question } from '../board/board.ts'
import type { KpiValue, Restatement } from '../contract.ts'
import { switchesOf } from '../definitions/plan.ts'
import { type Cell, cellKey } from './cell.ts'

interface Release {
  period: string
  state: 'frozen' | 'published'
  hash: string
  leafIndex: number | null
  frozenMs: number | null
}

export interface Published {
  /** Releases and restatements as they are now; their figures are read when somebody asks for them. */
  load(): Promise<void>
  /** @returns the value as it was published, with its mark; undefined for a cell that no release holds */
  of(release: string, value: KpiValue, only: Record<string, string>): Promise<KpiValue | undefined>
}

/** A province's release is some ten thousand cells: those asked for last are kept. */
const heldMax = 4

export function createPublished(database: Database): Published {
  let releases = new Map<string, Release>()
  let restated = new Map<string, { id: string; after: KpiValue; knownMs: number }>()
  const held = new Map<string, Map<string, KpiValue>>()

  const figuresOf = async (period: string): Promise<Map<string, KpiValue>> => {
    const known = held.get(period)
    if (known) {
      held.delete(period)
      held.set(period, known)
      return known
    }
    const [row] = await database
      .select({ figures: kpiReleases.figures })
      .from(kpiReleases)
      .where(eq(kpiReleases.period, period))
    const figures = (row?.figures ?? []) as unknown as KpiValue[]
    // A state is published under the period of its release.
    const found = new Map(figures.map((value) => [keyIn(period, value, {}), value]))
    held.set(period, found)
    for (const oldest of held.keys()) if (held.size > heldMax) held.delete(oldest)
    return found
  }
  return {
    load: async () => {
      const { period, state, hash, leafIndex, frozenMs } = kpiReleases
      const rows = await database
        .select({ period, state, hash, leafIndex, frozenMs })
        .from(kpiReleases)
        .where(ne(state, 'draft'))
      releases = new Map(rows.map((row) => [row.period, row as Release]))
      const inForce = await database
        .select({ id: kpiRestatements.id, body: kpiRestatements.body, knownMs: kpiRestatements.knownMs })
        .from(kpiRestatements)
        .where(eq(kpiRestatements.state, 'in-force'))
        .orderBy(kpiRestatements.knownMs)
      restated = new Map(
        inForce.map(({ id, body, knownMs }) => {
          const { release, after } = body as unknown as Pick<Restatement, 'release' | 'after'>
          return [keyIn(release, after, {}), { id, after, knownMs: knownMs ?? 0 }]
        }),
      )
      held.clear()
    },
    of: async (period, value, only) => {
      const release = releases.get(period)
      if (!release) return undefined
      const key = keyIn(period, value, only)
      const found = (await figuresOf(period)).get(key)
      if (!found) return undefined
      // What was restated before the figures were frozen is in them.
      const since = restated.get(key)
      const { id, after } = since && since.knownMs > (release.frozenMs ?? 0) ? since : { id: null, after: found }
      const { state, hash, leafIndex } = release
      return {
        ...after,
        // Named as it was asked for: the same cell may be a city's or a region's.
        ...{ dimensions: value.dimensions, period: value.period },
        published: { period, state, hash, leafIndex, restatement: id, ratio: found.ratio, counted: value.ratio },
      }
    },
  }
}

/** Only what is asked for as it is now, under the choices of the definition, is what was published. */
export function withPublished(board: Board, published: Published): Board {
  return answering(board, async (question) => {
    const values = await board.values(question)
    if (!isAsPublished(board, question)) return values
    const stands = async (value: KpiValue): Promise<KpiValue> => {
      const label = value.dimensions['period'] ?? value.period.label
      const release = label === 'all' ? question.release : label
      return (release === undefined ? undefined : await published.of(release, value, question.only)) ?? value
    }
    return Promise.all(values.map(stands))
  })
}

function isAsPublished(board: Board, question: Question): boolean {
  const { switches, validMs, knownMs, version, asCounted } = question
  if (asCounted || validMs !== undefined || knownMs !== undefined || version !== undefined) return false
  const definition = board.planFor(question)?.definition
  if (!definition) return false
  const chosen = Object.entries(switchesOf(definition, switches))
  return chosen.every(([name, option]) => option === definition.switches[name]!.default)
}

function keyIn(period: string, { kpi, dimensions }: Pick<Cell, 'kpi' | 'dimensions'>, only: Record<string, string>) {
  return cellKey({ kpi, period, dimensions: { ...only, ...dimensions } })
}
