// How many connections came within the two seconds before this one, to the same machine and to the same service: by whomever.
// Floods and sweeps show in it from their first second on.
const withinMs = 2000
/** Beyond it the oldest go early: so many within two seconds are many by any count. */
const keptMax = 4096

interface Seen {
  atMs: number
  destination: string
  service: string
}

export class JustBefore {
  /** In the order of their arrival; what lies before `#first` has gone. */
  #seen: Seen[] = []
  #first = 0
  #destinations = new Map<string, number>()
  #services = new Map<string, number>()
  #newestMs = Number.NEGATIVE_INFINITY

  /** @returns both counts, with this one */
  add(seen: Seen): { toDestination: number; toService: number } {
    this.#newestMs = Math.max(this.#newestMs, seen.atMs)
    while (this.#size > 0 && (this.#size >= keptMax || this.#oldest.atMs <= this.#newestMs - withinMs)) this.#drop()
    this.#seen.push(seen)
    return {
      toDestination: up(this.#destinations, seen.destination),
      toService: up(this.#services, seen.service),
    }
  }

  get #size(): number {
    return this.#seen.length - this.#first
  }

  get #oldest(): Seen {
    return this.#seen[this.#first]!
  }

  #drop(): void {
    const { destination, service } = this.#oldest
    down(this.#destinations, destination)
    down(this.#services, service)
    if (++this.#first < keptMax) return
    this.#seen = this.#seen.slice(this.#first)
    this.#first = 0
  }

  snapshot(): Seen[] {
    return this.#seen.slice(this.#first)
  }

  restore(seen: readonly Seen[]): void {
    this.#seen = [...seen]
    this.#first = 0
    this.#newestMs = seen.reduce((newest, { atMs }) => Math.max(newest, atMs), Number.NEGATIVE_INFINITY)
    this.#destinations = new Map()
    this.#services = new Map()
    for (const { destination, service } of seen) {
      up(this.#destinations, destination)
      up(this.#services, service)
    }
  }
}

function up(counts: Map<string, number>, key: string): number {
  const count = (counts.get(key) ?? 0) + 1
  counts.set(key, count)
  return count
}

function down(counts: Map<string, number>, key: string): void {
  const count = counts.get(key)! - 1
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
