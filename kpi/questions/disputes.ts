// Cells about which somebody asks or objects, until it is settled: they are shown as disputed wherever they appear.
import type { KpiValue } from '../contract.ts'
import { type Cell, cellKey } from './cell.ts'

export interface Disputes {
  set(open: readonly Cell[]): void
  /** @param only what the figure was cut to, besides its own dimensions */
  has(value: Pick<KpiValue, 'kpi' | 'period' | 'dimensions'>, only: Record<string, string>): boolean
}

export function createDisputes(): Disputes {
  let keys = new Set<string>()
  /** Of departments, asked about without a place: they are meant wherever they are. */
  let anywhere = new Set<string>()
  return {
    set: (open) => {
      keys = new Set(open.flatMap((cell) => [cellKey(cell), ...(isDepartments(cell) ? [placeless(cell)] : [])]))
      anywhere = new Set(open.filter((cell) => isDepartments(cell) && cellKey(cell) === placeless(cell)).map(cellKey))
    },
    has: ({ kpi, period, dimensions }, only) => {
      if (keys.size === 0) return false
      const cell = { period: dimensions['period'] ?? period.label, dimensions: { ...only, ...dimensions } }
      return [kpi, ''].some(
        (id) => keys.has(cellKey({ kpi: id, ...cell })) || anywhere.has(placeless({ kpi: id, ...cell })),
      )
    },
  }
}

function isDepartments({ dimensions }: Cell): boolean {
  return (dimensions['department'] ?? '') !== ''
}

function placeless(cell: Cell): string {
  const { region: _, city: __, ...dimensions } = cell.dimensions
  return cellKey({ ...cell, dimensions })
}
