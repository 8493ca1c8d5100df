// Cases that do not count for an indicator because somebody judged so: the last word that was known and in force decides.
import { readFileSync } from 'node:fs'

export interface Granted {
  kpi: string
  case: string
  knownMs: number
  fromMs: number
  toMs: number | null
  isTakenBack: boolean
}

/** Oldest first, as the ledger has them. */
export function isGranted(
  all: readonly Granted[],
  kpi: string,
  id: string,
  { knownMs, validMs }: { knownMs: number; validMs: number },
): boolean {
  let last: Granted | undefined
  for (const one of all)
    if (one.kpi === kpi && one.case === id && one.knownMs <= knownMs && (one.fromMs <= validMs || one.isTakenBack))
      if (!last || one.knownMs >= last.knownMs) last = one
  return last !== undefined && !last.isTakenBack && (last.toMs === null || validMs < last.toMs)
}

/** Lines of `{"kpi": …, "case": …, "known": …}`; `from` and `to` bound it, `removed` takes it back. */
export function readGranted(file: string | undefined): Granted[] {
  if (file === undefined) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line))
    .map((one) => ({
      kpi: String(one.kpi),
      case: String(one.case),
      knownMs: at(one.known) ?? 0,
      fromMs: at(one.from) ?? Number.NEGATIVE_INFINITY,
      toMs: at(one.to),
      isTakenBack: one.removed === true,
    }))
}

function at(time: unknown): number | null {
  return time === undefined || time === null ? null : typeof time === 'number' ? time : Date.parse(String(time))
}
