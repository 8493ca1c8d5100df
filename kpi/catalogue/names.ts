// What things of the catalogue are called, gathered once for each state of it: every page asks.
import { createPace } from '#core/pace.ts'
import type { Fact } from '../contract.ts'

export interface CatalogueNames {
  /** One for each department and region that it is named with. */
  departments: readonly { department: string; region: string; name: string }[]
  /** In the order in which they became known. */
  itemsOf(department: string): readonly { code: string; region: string; name: string }[]
}

const gathered = new WeakMap<readonly Fact[], Promise<CatalogueNames>>()

export function namesIn(facts: readonly Fact[]): Promise<CatalogueNames> {
  const found = gathered.get(facts) ?? gather(facts)
  gathered.set(facts, found)
  return found
}

async function gather(facts: readonly Fact[]): Promise<CatalogueNames> {
  const departments = new Map<string, { department: string; region: string; name: string }>()
  const items = new Map<string, Fact[]>()
  const pace = createPace()
  for (const fact of facts) {
    await pace(true)
    const { name, department, departmentName } = fact.fields
    if (fact.removed || typeof department !== 'string') continue
    const region = regionOf(fact)
    if (typeof departmentName === 'string')
      departments.set(`${region} ${department}`, { department, region, name: departmentName })
    if (fact.kind !== 'item' || typeof name !== 'string') continue
    const own = items.get(department)
    if (own) own.push(fact)
    else items.set(department, [fact])
  }
  return {
    departments: [...departments.values()],
    itemsOf: (department) =>
      (items.get(department) ?? []).map((fact) => ({
        ...{ code: String(fact.fields['code'] ?? fact.id), region: regionOf(fact), name: String(fact.fields['name']) },
      })),
  }
}

/** Six digits. */
function regionOf({ fields }: Fact): string {
  return String(fields['region'] ?? '').padEnd(6, '0')
}
