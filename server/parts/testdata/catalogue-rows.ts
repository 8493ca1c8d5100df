import type { Fact } from '#kpi/contract.ts'

/** Rows of one publication. */
export function catalogueRows(count: number): Fact[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ kind: 'item' as const, id: `i${i}`, version: 1, knownMs: 5, validFromMs: 0, validToMs: null },
    fields: { code: `i${i}`, name: `事项${i}` },
  }))
}
