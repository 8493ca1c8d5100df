// A synthetic province put into stores: its catalogue published by two, its cases day by day, visits to its departments.
import { seededRandom } from '#core/random.ts'
import type { CatalogueStore } from '#kpi/catalogue/store.ts'
import type { CaseRecord, CaseStore, FactKind } from '#kpi/contract.ts'
import { demoProvince } from '#kpi/demo/province.ts'
import { demoVisits } from '#kpi/demo/province-visits.ts'
import type { ObservedCase } from '#kpi/integrity/observed-case.ts'
import type { Visits } from '#kpi/visits/visits.ts'
import { systemActor } from '#stores/state/audit.ts'

const msPerDay = 86_400_000
/** A corrected case was first told so long before. */
const correctedAfterMs = 3 * msPerDay
const visitedKpi = 'on-time'

export interface DemoStores {
  catalogue: CatalogueStore
  cases: CaseStore
  visits: Visits
}

/** @param rules the directory of definitions, which has the names of the regions */
export async function fillProvince(
  { catalogue, cases, visits }: DemoStores,
  { rules, seed, count, nowMs }: { rules: string; seed: number; count: number; nowMs: number },
): Promise<{ facts: number; cases: number; visits: number }> {
  const province = demoProvince(rules, seededRandom(seed), nowMs)
  const second = { ...systemActor, id: 'demo', name: 'guanlan demo' }
  for (const kind of new Set<FactKind>(province.facts.map((fact) => fact.kind))) {
    const facts = province.facts.filter((fact) => fact.kind === kind)
    const proposed = await catalogue.propose(systemActor, kind, facts, false, 'Synthetic example 合成示例')
    if (proposed) await catalogue.decide(second, proposed.version, 'published')
  }
  const observed = province.cases(count)
  const stored = await keepCases(cases, observed)
  const visited = demoVisits(observed, visitedKpi, seededRandom(seed), nowMs)
  await visits.import(second, visited)
  return { facts: province.facts.length, cases: stored, visits: visited.length }
}

/** Day by day, as a feed would have told them: when a record became known is part of the evidence. */
async function keepCases(cases: CaseStore, observed: readonly ObservedCase[]): Promise<number> {
  const days = new Map<number, CaseRecord[]>()
  const tell = (record: CaseRecord, knownMs: number): void => {
    const day = Math.floor(knownMs / msPerDay)
    const list = days.get(day)
    if (list) list.push(record)
    else days.set(day, [record])
  }
  for (const { record, knownMs, before } of observed) {
    if (before) tell(before, knownMs - correctedAfterMs)
    tell(record, knownMs)
  }
  let stored = 0
  for (const day of [...days.keys()].sort((a, b) => a - b))
    stored += (await cases.append(days.get(day)!, day * msPerDay)).stored
  return stored
}
