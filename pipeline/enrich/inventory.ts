// What is known of the estate, looked up by the names and addresses that events carry.
import { type Criticality, criticalities, type Entity } from '#core/entity.ts'
import type { FieldValue } from '#core/event.ts'
import type { Flat } from '../normalise/flatten.ts'

/** Fields that name the thing an event is about, the most telling first: region and owner come of the first match. */
const nameFields = [
  'host.name',
  'host.hostname',
  'host.ip',
  'service.name',
  'device.name',
  'log.syslog.hostname',
  'source.ip',
  'destination.ip',
  'user.name',
  'source.user.name',
] as const

const entitiesPerEventMax = 16

export class Inventory {
  #byName = new Map<string, Entity>()
  #entities: readonly Entity[] = []

  /** Replaces all of it. When two entities claim one name, the first keeps it. */
  set(entities: readonly Entity[]): void {
    const byName = new Map<string, Entity>()
    const claim = (name: string, entity: Entity): void => {
      const key = name.toLowerCase()
      if (key !== '' && !byName.has(key)) byName.set(key, entity)
    }
    // Own names before aliases, so that an alias never hides a thing that really has the name.
    for (const entity of entities) claim(entity.name, entity)
    for (const entity of entities) for (const alias of entity.aliases) claim(alias, entity)
    this.#byName = byName
    this.#entities = entities
  }

  get size(): number {
    return this.#entities.length
  }

  find(name: string): Entity | undefined {
    return this.#byName.get(name) ?? this.#byName.get(name.toLowerCase())
  }

  /** Adds `guanlan.entity.id` and, of the most telling entity, region, department, criticality, owner and level. */
  resolve(event: Flat): void {
    if (this.#byName.size === 0) return
    let found: Entity[] | undefined
    for (const field of nameFields) {
      const value = event[field]
      if (value === undefined) continue
      found = this.#collect(value, found)
    }
    if (!found) return
    event['guanlan.entity.id'] = found.map((entity) => entity.id)
    const of = <K extends 'region' | 'department' | 'owner'>(key: K): string =>
      found.find((entity) => entity[key] !== '')?.[key] ?? ''
    const region = of('region')
    const department = of('department')
    const owner = of('owner')
    if (region !== '') event['guanlan.region'] = region
    if (department !== '') event['guanlan.department'] = department
    if (owner !== '') event['guanlan.owner'] = owner
    event['guanlan.criticality'] = highest(found)
    const level = Math.max(...found.map((entity) => entity.protectionLevel))
    if (level > 0) event['guanlan.protection_level'] = level
  }

  #collect(value: FieldValue, found: Entity[] | undefined): Entity[] | undefined {
    if (Array.isArray(value)) return value.reduce<Entity[] | undefined>((all, item) => this.#collect(item, all), found)
    if (typeof value !== 'string') return found
    const entity = this.find(value)
    if (!entity || found?.includes(entity) || (found && found.length >= entitiesPerEventMax)) return found
    if (!found) return [entity]
    found.push(entity)
    return found
  }
}

function highest(entities: readonly Entity[]): Criticality {
  const rank = Math.max(...entities.map((entity) => criticalities.indexOf(entity.criticality)))
  return criticalities[Math.max(0, rank)]!
}
