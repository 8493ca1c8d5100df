// Silences: who wants to hear nothing of what, until when, and why. Kept in the table and, for every decision, in memory.
import { desc, eq, gt } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Random } from '#core/random.ts'
import { compileRegex } from '#core/regex.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { silences } from '#stores/state/schema/index.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import type { Alert } from '../alert.ts'
import { labelOf } from '../notify/match.ts'
import { authorize, cleanText } from '../verbs/context.ts'

/** As in Alertmanager's API. */
export interface SilenceMatcher {
  name: string
  value: string
  isRegex: boolean
  isEqual: boolean
}

export interface Silence {
  id: string
  matchers: SilenceMatcher[]
  startsMs: number
  endsMs: number
  createdBy: string
  comment: string
  updatedMs: number
}

export interface NewSilence {
  /** Set: that one is changed. */
  id?: string | undefined
  matchers: SilenceMatcher[]
  startsMs: number
  endsMs: number
  comment: string
}

export type SilenceState = 'pending' | 'active' | 'expired'
type Labelled = Pick<Alert, 'rule' | 'severity' | 'labels' | 'title'>

export interface Silences {
  load(): Promise<void>
  /** @throws CodedError `silence.invalid`, `auth.forbidden` or `not-found` */
  set(actor: Actor, silence: NewSilence): Promise<Silence>
  expire(actor: Actor, id: string): Promise<void>
  list(): Promise<Silence[]>
  /** Those that hold now. */
  of(alert: Labelled): Silence[]
  /** What a silence with these matchers would mute. */
  matches(matchers: readonly SilenceMatcher[], alert: Labelled): boolean
}

interface Compiled extends Silence {
  holds(alert: Labelled): boolean
}

const matchersMax = 32
/** Expired ones are listed so long. */
const keptMs = 5 * 86_400_000

export function createSilences(deps: { database: Database; clock: Clock; random: Random }): Silences {
  const { database, clock, random } = deps
  let current: Compiled[] = []

  const load = async (): Promise<void> => {
    const rows = await database.select().from(silences).where(gt(silences.endsMs, clock.nowMs()))
    current = rows.map((row) => ({ ...row, holds: compile(row.matchers) }))
  }

  return {
    load,
    set: async (actor, wanted) => {
      authorize(actor, 'silence alerts')
      const nowMs = clock.nowMs()
      check(wanted, nowMs)
      const comment = cleanText(wanted.comment, 2000)
      const saved = await database.transaction(async (tx) => {
        const [before] = wanted.id ? await tx.select().from(silences).where(eq(silences.id, wanted.id)) : []
        if (wanted.id && !before) throw new CodedError('not-found', { what: `The silence ${wanted.id.slice(0, 64)}` })
        const same = before !== undefined && keyOf(before.matchers) === keyOf(wanted.matchers)
        // As Alertmanager has it: one that has begun is changed only in its end; else it ends and another begins.
        const keeps = before !== undefined && same && before.endsMs > nowMs
        if (before && !keeps && before.endsMs > nowMs)
          await tx.update(silences).set({ endsMs: nowMs, updatedMs: nowMs }).where(eq(silences.id, before.id))
        const row: Silence = {
          ...{ id: keeps ? before.id : uuid(random), matchers: wanted.matchers, comment, createdBy: actor.name },
          ...{ startsMs: keeps ? Math.min(before.startsMs, wanted.startsMs) : wanted.startsMs, endsMs: wanted.endsMs },
          updatedMs: nowMs,
        }
        await tx.insert(silences).values(row).onConflictDoUpdate({ target: silences.id, set: row })
        await writeAudit(tx, actor, 'silence.set', row.id, { matchers: row.matchers, endsMs: row.endsMs, comment })
        return row
      })
      await load()
      return saved
    },
    expire: async (actor, id) => {
      authorize(actor, 'end a silence')
      const nowMs = clock.nowMs()
      await database.transaction(async (tx) => {
        const [row] = await tx.select().from(silences).where(eq(silences.id, id))
        if (!row) throw new CodedError('not-found', { what: `The silence ${id.slice(0, 64)}` })
        if (row.endsMs <= nowMs) return
        await tx.update(silences).set({ endsMs: nowMs, updatedMs: nowMs }).where(eq(silences.id, id))
        await writeAudit(tx, actor, 'silence.expire', id)
      })
      await load()
    },
    list: () =>
      database
        .select()
        .from(silences)
        .where(gt(silences.endsMs, clock.nowMs() - keptMs))
        .orderBy(desc(silences.endsMs)),
    of: (alert) => {
      const nowMs = clock.nowMs()
      return current.filter((one) => one.startsMs <= nowMs && one.endsMs > nowMs && one.holds(alert)).map(shown)
    },
    matches: (matchers, alert) => compile(matchers)(alert),
  }
}

/** Whatever the order of matchers, and of their properties in the table. */
function keyOf(matchers: readonly SilenceMatcher[]): string {
  return matchers
    .map(({ name, value, isRegex, isEqual }) => JSON.stringify([name, value, isRegex, isEqual]))
    .sort()
    .join()
}

export function silenceState({ startsMs, endsMs }: Pick<Silence, 'startsMs' | 'endsMs'>, nowMs: number): SilenceState {
  return endsMs <= nowMs ? 'expired' : startsMs > nowMs ? 'pending' : 'active'
}

/** @returns whether all of them hold; a label that is missing is empty */
export function compile(matchers: readonly SilenceMatcher[]): (alert: Labelled) => boolean {
  const tests = matchers.map(({ name, value, isRegex, isEqual }) => {
    const regex = isRegex ? compileRegex(value, { anchored: true }) : undefined
    const test = (text: string): boolean => (regex ? regex.test(text) : text === value)
    return (alert: Labelled): boolean => test(labelOf(alert, name)) === isEqual
  })
  return (alert) => tests.every((test) => test(alert))
}

function check({ matchers, startsMs, endsMs, comment }: NewSilence, nowMs: number): void {
  const refuse = (cause: string): never => {
    throw new CodedError('silence.invalid', { cause })
  }
  if (matchers.length === 0 || matchers.length > matchersMax)
    refuse(`it has ${matchers.length} matchers; 1 to ${matchersMax}`)
  if (endsMs <= startsMs || endsMs <= nowMs) refuse('it ends before it begins, or is over already')
  if (comment.trim() === '') refuse('a comment must say why')
  // One that would match an alert without any label mutes everything.
  const nothing = { rule: '', severity: 'info', labels: {}, title: '' } as const
  if (compile(matchers)(nothing)) refuse('its matchers match everything; at least one must need a value')
}

function shown({ holds: _, ...silence }: Compiled): Silence {
  return silence
}

function uuid(random: Random): string {
  const hex = random.hex(16)
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
