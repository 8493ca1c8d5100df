// What regions, departments and items are called: asked for once, for all pages.
import { get } from '../api.ts'
import type { Names } from '../types.ts'

class KpiNames {
  all = $state.raw<Names>({ regions: {}, groups: {}, peers: {}, tiles: {}, departments: {}, items: {} })
  #asked = new Set<string>()

  /** @param department items of this one as well */
  load(department = ''): void {
    if (this.#asked.has(department)) return
    this.#asked.add(department)
    get<Names>('/api/kpi/names', { department }).then(
      (answer) => {
        this.all = { ...answer, items: { ...this.all.items, ...answer.items } }
      },
      () => {
        this.#asked.delete(department)
      },
    )
  }

  /** Codes of the cities of a group, or of several under one name. */
  citiesOf(peers: string): string[] {
    const groups = this.all.peers[peers] ?? [peers]
    return Object.entries(this.all.groups)
      .filter(([, group]) => groups.includes(group))
      .map(([code]) => code)
  }

  /** A county by its own name, or by its city's. */
  region(code: string): string {
    const { regions } = this.all
    return regions[code] ?? regions[code.slice(0, 4)] ?? code
  }

  department(id: string): string {
    return this.all.departments[id] ?? id
  }

  of(level: string, key: string): string {
    if (level === 'city' || level === 'region') return this.region(key)
    return level === 'department' ? this.department(key) : (this.all.items[key] ?? key)
  }
}

export const kpiNames = new KpiNames()
