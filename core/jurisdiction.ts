// Which part of the province a person answers for (辖区): what they may see never is wider.

/** An empty list is no bound: both empty is everything. */
export interface Jurisdiction {
  /** Codes after GB/T 2260, of which each covers what is below it (440300 covers 440305 and its towns), or names. */
  regions: string[]
  departments: string[]
}

export const everywhere: Jurisdiction = { regions: [], departments: [] }

export function isEverywhere({ regions, departments }: Jurisdiction): boolean {
  return regions.length === 0 && departments.length === 0
}

/** The part of a code that all codes below it begin with: 440000 → 44, 440300 → 4403, 440305 → 440305. */
export function regionStem(code: string): string {
  if (!/^\d{6,12}$/.test(code)) return code
  const below = code.slice(6).replace(/(000)+$/, '')
  return below === '' ? code.slice(0, 6).replace(/(00)+$/, '') : code.slice(0, 6) + below
}

/** True for names that are the same, and for codes at or below. */
export function regionCovers(outer: string, inner: string): boolean {
  if (outer === inner) return true
  return /^\d{6,12}$/.test(outer) && /^\d{6,12}$/.test(inner) && inner.startsWith(regionStem(outer))
}

export function covers(bounds: Jurisdiction, place: { region: string; department: string }): boolean {
  return (
    (bounds.regions.length === 0 || bounds.regions.some((region) => regionCovers(region, place.region))) &&
    (bounds.departments.length === 0 || bounds.departments.includes(place.department))
  )
}

/** Whether all of one part of the province lies in another. */
export function encloses(outer: Jurisdiction, inner: Jurisdiction): boolean {
  const hasRegions =
    outer.regions.length === 0 ||
    (inner.regions.length > 0 &&
      inner.regions.every((one) => outer.regions.some((region) => regionCovers(region, one))))
  const hasDepartments =
    outer.departments.length === 0 ||
    (inner.departments.length > 0 && inner.departments.every((one) => outer.departments.includes(one)))
  return hasRegions && hasDepartments
}

/**
 * What is asked for, as far as the bounds reach. @returns undefined when nothing of it is within: an empty list would
 * mean everything.
 */
export function narrow(bounds: Jurisdiction, asked: Jurisdiction): Jurisdiction | undefined {
  const regions =
    bounds.regions.length === 0
      ? asked.regions
      : asked.regions.length === 0
        ? bounds.regions
        : [
            ...asked.regions.filter((one) => bounds.regions.some((outer) => regionCovers(outer, one))),
            ...bounds.regions.filter((one) => asked.regions.some((outer) => outer !== one && regionCovers(outer, one))),
          ]
  const departments =
    bounds.departments.length === 0
      ? asked.departments
      : asked.departments.length === 0
        ? bounds.departments
        : asked.departments.filter((one) => bounds.departments.includes(one))
  const none =
    (regions.length === 0 && bounds.regions.length + asked.regions.length > 0) ||
    (departments.length === 0 && bounds.departments.length + asked.departments.length > 0)
  return none ? undefined : { regions: [...new Set(regions)], departments: [...new Set(departments)] }
}
