// Which figure is meant, in one text: indicator, period, place, department. A city and its code as region are the same.
export interface Cell {
  /** Empty: every figure of the unit. */
  kpi: string
  period: string
  dimensions: Record<string, string>
}

export function cellKey({ kpi, period, dimensions }: Cell): string {
  const { region, city, period: _, ...rest } = dimensions
  const place = region ?? city ?? ''
  const others = Object.entries(rest)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
  return [kpi, period, place, ...others].join('\n')
}
