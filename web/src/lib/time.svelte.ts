// The time range is in the URL: ?range=1h, or ?from=…&to=… in ms. "Live" moves a relative range along.
import { goto } from '$app/navigation'
import { page } from '$app/state'

export const ranges = ['15m', '1h', '6h', '24h', '7d', '30d'] as const
const unitMs: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

export interface Range {
  fromMs: number
  toMs: number
  /** Set when it ends now. */
  relative: string | undefined
}

class Now {
  ms = $state(Date.now())
  live = $state(true)

  constructor() {
    setInterval(() => {
      if (this.live && document.visibilityState === 'visible') this.ms = Date.now()
    }, 10_000)
  }

  refresh(): void {
    this.ms = Date.now()
  }
}

export const now = new Now()

export function rangeOf(params: Pick<URLSearchParams, 'get' | 'has'>, nowMs: number): Range {
  const from = Number(params.get('from'))
  const to = Number(params.get('to'))
  if (params.has('from') && from < to) return { fromMs: from, toMs: to, relative: undefined }
  const relative = params.get('range') ?? '1h'
  const match = /^(\d{1,4})([mhd])$/.exec(relative)
  const lengthMs = match ? Number(match[1]) * unitMs[match[2]!]! : 3_600_000
  return { fromMs: nowMs - lengthMs, toMs: nowMs, relative: match ? relative : '1h' }
}

/** Changes parameters of this page's URL; `undefined` removes one. */
export function setParams(change: Record<string, string | undefined>, replace = false): void {
  const url = new URL(page.url.href)
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined || value === '') url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  }
  void goto(url, { replace, reset: false })
}

export function setRange(range: { relative: string } | { fromMs: number; toMs: number }): void {
  if ('relative' in range) {
    now.live = true
    now.refresh()
    setParams({ range: range.relative, from: undefined, to: undefined })
  } else setParams({ range: undefined, from: String(Math.round(range.fromMs)), to: String(Math.round(range.toMs)) })
}

/** The part of the URL that other pages take along: when and where. */
export function timeParams(params: Pick<URLSearchParams, 'get' | 'has'>): Record<string, string | undefined> {
  return {
    range: params.get('range') ?? undefined,
    from: params.get('from') ?? undefined,
    to: params.get('to') ?? undefined,
    region: params.get('region') ?? undefined,
    department: params.get('department') ?? undefined,
  }
}
