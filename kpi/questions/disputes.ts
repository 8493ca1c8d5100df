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
  return {
    set: (open) => {
      keys = new Set(open.map(cellKey))
    },
    has: ({ kpi, period, dimensions }, only) => {
      if (keys.size === 0) return false
      const cell = { period: dimensions['period'] ?? period.label, dimensions: { ...only, ...dimensions } }
      return keys.has(cellKey({ kpi, ...cell })) || keys.has(cellKey({ kpi: '', ...cell }))
    },
  }
}
