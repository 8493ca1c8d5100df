// What an entity did lately, kept so that an incident can begin before its trigger: bounded per entity and in time.
import type { SeenAlert } from './alert.ts'
import type { Chapter } from './story.ts'

interface Kept {
  alert: SeenAlert
  atMs: number
}

const alertsPerEntityMax = 256
const thinMs = 30_000
const chaptersPerEntityMax = 32
const entitiesMax = 50_000

export class Recent {
  readonly #leadMs: number
  readonly #alerts = new Map<string, Kept[]>()
  readonly #chapters = new Map<string, Chapter[]>()

  constructor(leadMs: number) {
    this.#leadMs = leadMs
  }

  /** @returns false when the same was kept a moment ago: a flood is counted, and sampled once per `thinMs`. */
  add(alert: SeenAlert, entity: string, atMs: number): boolean {
    const list = this.#alerts.get(entity) ?? []
    for (let i = list.length - 1; i >= 0 && atMs - list[i]!.atMs < thinMs; i--)
      if (list[i]!.alert.name === alert.name) return false
    push(this.#alerts, entity, { alert, atMs }, alertsPerEntityMax)
    return true
  }

  hold(entity: string, chapter: Chapter): void {
    push(this.#chapters, entity, chapter, chaptersPerEntityMax)
  }

  alerts(entity: string, nowMs: number): Kept[] {
    return (this.#alerts.get(entity) ?? []).filter(({ atMs }) => nowMs - atMs <= this.#leadMs)
  }

  /** Handed over once. */
  held(entity: string, nowMs: number): Chapter[] {
    const found = (this.#chapters.get(entity) ?? []).filter(({ atMs }) => nowMs - atMs <= this.#leadMs)
    this.#chapters.delete(entity)
    return found
  }
}

function push<T>(lists: Map<string, T[]>, entity: string, one: T, lengthMax: number): void {
  const list = lists.get(entity) ?? []
  list.push(one)
  if (list.length > lengthMax) list.shift()
  lists.delete(entity)
  lists.set(entity, list)
  if (lists.size > entitiesMax) lists.delete(lists.keys().next().value as string)
}
