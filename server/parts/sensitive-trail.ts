// Who was shown what: an answer that holds sensitive data, masked or not, leaves a row in the audit trail with kinds and
// counts, and the keyed hashes of the values, so that one can ask who saw a number. What a person was shown already
// within the hour is not written again: a page that refreshes itself would drown the rest.
import { desc, eq, inArray, lt, lte } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import type { Dictionary } from '#security/sensitive/dictionary.ts'
import type { Seen } from '#security/sensitive/mask.ts'
import type { ValueHash } from '#security/sensitive/value-hash.ts'
import { writeAuditRow } from '#stores/state/audit.ts'
import { audit, sensitiveShown } from '#stores/state/schema/index.ts'
import type { Actor, Database } from '#stores/state/state.ts'

export interface Shown {
  seen: Seen
  /** Before the answer leaves. `again`: written also when all of it was shown before. */
  tell(actor: Actor, action: string, object: string, detail: Record<string, unknown>, again?: boolean): Promise<void>
}

export interface SensitiveTrail {
  watch(): Shown
  /** Audit rows that showed the value. */
  who(hash: string): Promise<(typeof audit.$inferSelect)[]>
  forgetBefore(ms: number): Promise<void>
}

const hashesPerAnswerMax = 2000
const rememberedMs = 3_600_000
const actorsMax = 2000
const hashesPerActorMax = 20_000
const rowsShownMax = 500

export function createSensitiveTrail(deps: {
  database: Database
  clock: Clock
  hash: ValueHash
  dictionary: Dictionary
}): SensitiveTrail {
  const { database, clock, hash } = deps
  const secrets = new Set(deps.dictionary.filter(({ category }) => category === 'secret').map(({ kind }) => kind))
  const actors = new Map<string, Map<string, number>>()

  /** Those of the keys that are new to this person. */
  const newTo = (actor: Actor, keys: readonly string[]): string[] => {
    const nowMs = clock.nowMs()
    const id = `${actor.kind}/${actor.id}`
    let known = actors.get(id)
    if (!known || known.size > hashesPerActorMax) {
      if (actors.size >= actorsMax) actors.delete(actors.keys().next().value!)
      known = new Map()
      actors.set(id, known)
    }
    const fresh = keys.filter((key) => nowMs - (known.get(key) ?? Number.NEGATIVE_INFINITY) > rememberedMs)
    for (const key of fresh) known.set(key, nowMs)
    return fresh
  }

  return {
    watch: () => {
      const kinds: Record<string, number> = {}
      const values = new Set<string>()
      let more = 0
      return {
        seen: (kind, value) => {
          kinds[kind] = (kinds[kind] ?? 0) + 1
          if (secrets.has(kind)) return
          if (values.size < hashesPerAnswerMax) values.add(value)
          else more++
        },
        tell: async (actor, action, object, detail, again = false) => {
          if (Object.keys(kinds).length === 0 && !again) return
          const hashes = [...values].map(hash)
          // Secrets leave no hash: their kinds stand for them.
          const keys = hashes.length > 0 ? hashes : [`${action} ${object} ${JSON.stringify(detail['query'] ?? '')}`]
          if (newTo(actor, keys).length === 0 && !again) return
          const notTraced = more > 0 ? { notTraced: more } : {}
          await database.transaction(async (tx) => {
            const auditId = await writeAuditRow(tx, actor, action, object, { ...detail, kinds, ...notTraced })
            if (hashes.length > 0)
              await tx.insert(sensitiveShown).values([...new Set(hashes)].map((one) => ({ hash: one, auditId })))
          })
        },
      }
    },
    who: async (value) => {
      const shown = await database
        .select({ id: sensitiveShown.auditId })
        .from(sensitiveShown)
        .where(eq(sensitiveShown.hash, value))
      const ids = shown.map(({ id }) => id).sort((a, b) => b - a)
      if (ids.length === 0) return []
      const rows = await database
        .select()
        .from(audit)
        .where(inArray(audit.id, ids.slice(0, rowsShownMax)))
      return rows.sort((a, b) => b.id - a.id)
    },
    forgetBefore: async (ms) => {
      // Audit ids grow with time: the last one before is the bound.
      const [last] = await database
        .select({ id: audit.id })
        .from(audit)
        .where(lt(audit.atMs, ms))
        .orderBy(desc(audit.id))
        .limit(1)
      if (last) await database.delete(sensitiveShown).where(lte(sensitiveShown.auditId, last.id))
    },
  }
}
