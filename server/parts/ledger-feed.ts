// What must not change afterwards becomes a leaf: definitions, calendars, publications of the catalogue, and each case
// in its order of arrival. It goes on from what the ledger holds, so a crash loses nothing and repeats nothing.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listHash, recordHash } from '#core/canonical.ts'
import type { Logger } from '#core/logger.ts'
import { createPace } from '#core/pace.ts'
import { readYaml } from '#core/yaml-source.ts'
import type { CaseStore, Fact, Leaf } from '#kpi/contract.ts'
import type { LoadedDefinitions } from '#kpi/definitions/load.ts'
import { type Ledger, ledgerBatchMax } from '#kpi/ledger/ledger.ts'
import { calendarSchema } from '#kpi/time/calendar.ts'

const leafIdMax = 500

export interface LedgerFeedSources {
  cases: Pick<CaseStore, 'since'>
  catalogue: { facts(): readonly Fact[]; version(): number | null }
  definitions: LoadedDefinitions
  /** Directory of the definitions; the calendars are in `calendars` below it. */
  rules: string
}

export interface LedgerFeed {
  /** Appends what is new; of cases one batch. @returns how many cases were taken */
  tick(): Promise<number>
}

export function createLedgerFeed(
  ledger: Ledger,
  sources: LedgerFeedSources,
  deps: { nowMs: () => number; logger: Logger },
): LedgerFeed {
  let rulesDone = false
  let catalogueDone: number | null = null
  /** A version that is there with other content stays as it was, and is said aloud: whoever changes it raises it. */
  const appendNew = async (leaves: readonly Leaf[]): Promise<void> => {
    const there = await ledger.findAll(leaves)
    const fresh = leaves.filter((leaf, i) => {
      const known = there[i]
      if (known && known.leaf.hash !== leaf.hash)
        deps.logger.error(
          { kind: leaf.kind, id: leaf.id, version: leaf.version },
          'it was changed without a new version: the ledger keeps what it was',
        )
      return !known
    })
    await ledger.append(fresh)
  }
  /** The rows of a publication in their order, then the whole of it: where the last row is a leaf, all are. */
  const appendCatalogue = async (publications: ReadonlyMap<number, readonly Fact[]>): Promise<void> => {
    for (const [version, rows] of publications) {
      // A name that is longer than a leaf can hold is proved with the whole publication.
      const named = rows.filter(({ kind, id }) => kind.length + id.length < leafIdMax)
      const last = named.at(-1)
      if (last && !(await ledger.find(rowLeaf(last)))) await appendRows(named)
      const hash = await listHash(rows, createPace())
      const id = 'catalogue'
      await appendNew([{ kind: 'catalogue', id, version: String(version), hash, knownMs: deps.nowMs() }])
    }
  }
  /** A province has a quarter of a million; what a crash cut short goes on behind what is there. */
  const appendRows = async (rows: readonly Fact[]): Promise<void> => {
    const pace = createPace()
    for (let from = 0; from < rows.length; from += ledgerBatchMax) {
      const leaves: Leaf[] = []
      for (const row of rows.slice(from, from + ledgerBatchMax)) {
        leaves.push(rowLeaf(row))
        await pace(true)
      }
      const there = await ledger.findAll(leaves)
      await ledger.append(leaves.filter((_, i) => !there[i]))
    }
  }
  return {
    tick: async () => {
      if (!rulesDone) {
        await appendNew([
          ...definitionLeaves(sources.definitions, deps.nowMs()),
          ...calendarLeaves(sources.rules, deps.nowMs()),
        ])
        rulesDone = true
      }
      const version = sources.catalogue.version()
      if (version !== catalogueDone) {
        await appendCatalogue(Map.groupBy(sources.catalogue.facts(), (fact) => fact.version))
        catalogueDone = version
      }
      const stored = await sources.cases.since(ledger.caseLeaves, ledgerBatchMax)
      await ledger.append(
        stored.map(({ record, hash, knownMs }) => ({
          ...{ kind: 'case' as const, id: record.id, version: String(record.version), hash, knownMs },
        })),
      )
      return stored.length
    },
  }
}

export function definitionLeaves({ versions }: LoadedDefinitions, knownMs: number): Leaf[] {
  return [...versions.values()].flat().map(({ plan: { definition }, file }) => ({
    ...{ kind: 'definition' as const, id: definition.id, version: String(definition.version), knownMs },
    hash: recordHash(readFileSync(file, 'utf8')),
  }))
}

export function calendarLeaves(rules: string, knownMs: number): Leaf[] {
  const directory = join(rules, 'calendars')
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .flatMap((name) => {
      const text = readFileSync(join(directory, name), 'utf8')
      const { value } = readYaml(name, text, calendarSchema)
      return value
        ? [{ kind: 'calendar' as const, id: value.id, version: String(value.version), hash: recordHash(text), knownMs }]
        : []
    })
}

/** Of one row as it was published, so that it can be proved by itself. */
export function rowLeaf(fact: Fact): Leaf {
  const { kind, id, version, knownMs } = fact
  return { kind: 'catalogue', id: `${kind}/${id}`, version: String(version), hash: recordHash(fact), knownMs }
}
