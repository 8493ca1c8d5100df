// Risk per entity: what is surprising about it adds up, and halves with time. One cause often raises several detectors in
// the same breath; they confirm one another, they do not multiply: the next one of the same minute counts less.

export interface RiskConfig {
  halfLifeMs: number
  /** Contributions within this of one another are one breath. */
  breathMs: number
  entitiesMax: number
}

type Title = Readonly<Record<'en' | 'zh', string>>

export interface EntityRisk {
  entity: string
  score: number
  atMs: number
  lastMs: number
  /** What it is made of by now, most first. */
  reasons: { name: string; title: Title; score: number; lastMs: number }[]
}

interface State {
  score: number
  atMs: number
  breathFromMs: number
  breath: number
  /** Names that contributed lately, so that one detector alone does not add up. */
  names: Map<string, { title: Title; atMs: number; score: number }>
}

const namesMax = 64
const reasonsMax = 8

export class EntityRisks {
  readonly #config: RiskConfig
  readonly #states = new Map<string, State>()
  forgotten = 0

  constructor(config: RiskConfig) {
    this.#config = config
  }

  /** @returns the entity's score after it, and what this one added */
  add(
    entity: string,
    { name, title = { en: name, zh: name } }: { name: string; title?: Title },
    weight: number,
    atMs: number,
  ): { score: number; added: number } {
    const { breathMs, halfLifeMs, entitiesMax } = this.#config
    let state = this.#states.get(entity)
    if (!state) {
      state = { score: 0, atMs, breathFromMs: atMs, breath: 0, names: new Map() }
      if (this.#states.size >= entitiesMax) {
        this.#states.delete(this.#states.keys().next().value as string)
        this.forgotten++
      }
    } else this.#states.delete(entity)
    this.#states.set(entity, state)
    state.score *= decay(atMs - state.atMs, halfLifeMs)
    state.atMs = Math.max(state.atMs, atMs)
    if (atMs - state.breathFromMs > breathMs) {
      state.breathFromMs = atMs
      state.breath = 0
    }
    const same = state.names.get(name)
    const kept = same === undefined ? 0 : decay(atMs - same.atMs, halfLifeMs)
    const added = (weight * (1 - kept)) / Math.sqrt(1 + state.breath)
    state.names.delete(name)
    state.names.set(name, { title, atMs, score: (same?.score ?? 0) * kept + added })
    if (state.names.size > namesMax) state.names.delete(state.names.keys().next().value as string)
    state.breath++
    state.score += added
    return { score: state.score, added }
  }

  scoreOf(entity: string, atMs: number): number {
    const state = this.#states.get(entity)
    return state ? state.score * decay(atMs - state.atMs, this.#config.halfLifeMs) : 0
  }

  /** Highest first. */
  ranking(atMs: number, limit: number): EntityRisk[] {
    return [...this.#states]
      .map(([entity, state]) => ({ entity, state, score: this.scoreOf(entity, atMs) }))
      .sort((a, b) => b.score - a.score || a.entity.localeCompare(b.entity))
      .slice(0, limit)
      .map(({ entity, state, score }) => ({
        ...{ entity, score, atMs, lastMs: state.atMs },
        reasons: this.#reasons(state, atMs),
      }))
  }

  #reasons({ names }: State, atMs: number): EntityRisk['reasons'] {
    return [...names]
      .map(([name, seen]) => ({
        ...{ name, title: seen.title, lastMs: seen.atMs },
        score: seen.score * decay(atMs - seen.atMs, this.#config.halfLifeMs),
      }))
      .sort((a, b) => b.score - a.score)
      .slice(0, reasonsMax)
  }
}

function decay(elapsedMs: number, halfLifeMs: number): number {
  return 2 ** (-Math.max(0, elapsedMs) / halfLifeMs)
}
