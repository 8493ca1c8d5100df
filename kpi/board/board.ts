// The figures of now, kept ready: one cube per definition, fed from the case store and the catalogue. Figures of another
// pair of times are worked out from the evidence itself.
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { canonicalJson } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { createPace } from '#core/pace.ts'
import { type CaseContext, calendarFields } from '../cases/case-fields.ts'
import { withLimits } from '../cases/item-fields.ts'
import { adjudicationsIn } from '../catalogue/adjudications.ts'
import { factsInForce, itemsKnown } from '../catalogue/in-force.ts'
import { itemsInTurns } from '../catalogue/items.ts'
import type { CaseStore, Catalogue, Fact, KpiValue, Switches } from '../contract.ts'
import type { LoadedDefinitions } from '../definitions/load.ts'
import { formulaOf, type Plan } from '../definitions/plan.ts'
import { chooseVersions, inOrder, versionAt } from '../definitions/versions.ts'
import { Names } from '../engine/cells.ts'
import { createCount, kpiValueOf, within } from '../engine/compute.ts'
import { type Cube, createCube, highest } from '../engine/cube.ts'
import { type EvaluatedCell, evaluate } from '../engine/evaluate.ts'
import { type Calendar, calendarAt } from '../time/calendar.ts'
import { monthsOf, parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import { type CubeFiles, openCubeFiles } from './cube-files.ts'
import { createPasses } from './passes.ts'
import {
  adjudicatedBetween,
  factsOf,
  goesOnFrom,
  itemsBetween,
  type Publications,
  publicationsAt,
  readPublications,
} from './publications.ts'
import { type Conversion, createStateFacts, type StateFacts, withCity } from './state-facts.ts'

export interface BoardDeps {
  definitions: LoadedDefinitions
  calendars: readonly Calendar[]
  cases: CaseStore
  /** Facts of the catalogue, every version. */
  facts(): readonly Fact[]
  catalogueVersion(): Catalogue['version'] | null
  nowMs(): number
  /** Where what was counted rests between two starts; undefined: it is counted anew. */
  directory?: string
}

export interface Question {
  kpi: string
  switches: Switches
  /** `2026-10`, `2026-W41`, `2026-Q3`, `2026` or `all`. */
  period: string
  by: readonly string[]
  only: Record<string, string>
  /** Both undefined: now. */
  validMs?: number
  knownMs?: number
  /** Of a state: as it was published with the release of this period. */
  release?: string
  /** From the evidence, whatever was published. */
  asCounted?: boolean
  /** This version of the definition, whatever was in force. */
  version?: string
  /** Of a time before the last run of the checks: graded by that run all the same, which has to be said. */
  gradedSince?: boolean
  /** As if these cases were left out: what an adjudication would make of it. */
  without?: readonly string[]
}

export interface Board {
  /** Takes in what arrived, and lets time go on. */
  refresh(): Promise<void>
  /** Writes what was counted since the last time, so that a start goes on from there. */
  save(): Promise<void>
  values(question: Question): Promise<KpiValue[]>
  /** Of each definition the version in force now. */
  plans(): Plan[]
  /** In force now. @returns undefined when there is no such definition */
  plan(id: string): Plan | undefined
  /** The version by which a question is answered; where months are told apart, the last of them. */
  planFor(question: Omit<Question, 'switches' | 'by' | 'only'>): Plan | undefined
  readonly sequence: number
}

const batch = 20_000
/** Cases of so many items are asked for by name, of more all are looked through. */
const codesMax = 500
/** Time goes on for what is open at most so often: a million open cases every eight minutes. */
const openPerMs = 2
/** Counted in one turn of the event loop, in every definition. */
const appliedAtOnce = 50
/** Of one definition. */
const answersMax = 200
const answerCellsMax = 10_000
/** What was counted is written after so many cases, or after so long when there were any. */
const saveCases = 50_000
const saveMs = 600_000

/** The same board, of which `values` answers otherwise. */
export function answering(board: Board, values: Board['values']): Board {
  return {
    refresh: () => board.refresh(),
    save: () => board.save(),
    plans: () => board.plans(),
    plan: (id) => board.plan(id),
    planFor: (question) => board.planFor(question),
    get sequence() {
      return board.sequence
    },
    values,
  }
}

export function createBoard(deps: BoardDeps): Board {
  const { definitions, calendars, cases, catalogueVersion, nowMs, directory } = deps
  const versions = new Map([...definitions.versions].map(([id, all]) => [id, all.map(({ plan }) => plan)]))
  const plans = [...versions.values()].flat()
  const cubes = new Map<string, Cube>()
  const states = new Map<string, { facts: StateFacts; emptyCube: () => Cube }>()
  /** Of states, which stay for days: what was asked of them since they changed last. */
  const answers = new Map<string, Map<string, EvaluatedCell[]>>()
  const ofCases = plans.filter(({ definition }) => definition.fact === 'case')
  const ofState = plans.filter(({ definition }) => definition.fact !== 'case')
  /** The catalogue that the running refresh counts with. */
  let given: readonly Fact[] = []
  const passes = createPasses(cases)
  let sequence = 0
  let validMs = 0
  /** Of the catalogue, what the cubes of cases were counted with. */
  let publications: Publications = {}
  let files: CubeFiles | undefined
  let open = 0
  let saved: { sequence: number; atMs: number; publications: Publications } = { sequence: 0, atMs: 0, publications }
  let running: Promise<void> = Promise.resolve()

  const conversionOf = ({ definition }: Plan, atMs: number): Conversion => ({
    calendar: calendarAt(calendars, definition.calendar, atMs)!,
    year: new Date(zoneOf(definition.zone).dayOf(atMs) * 86_400_000).getUTCFullYear(),
  })
  const contextsOf = async (atMs: number, known: Publications): Promise<(plan: Plan) => CaseContext> => {
    const isAll = Object.keys(publicationsAt(given, atMs)).join() === Object.keys(known).join()
    const published = isAll ? given : factsOf(given, known)
    const items = await (isAll ? itemsKnown(given, atMs) : itemsInTurns(published, atMs))
    const adjudicated = adjudicationsIn(await factsInForce(published, 'adjudication', { validMs: atMs, knownMs: atMs }))
    /** Items have many cases, which are counted in several definitions. */
    const converted = new Map<string, WeakMap<Fact['fields'], Fact['fields']>>()
    return (plan) => {
      const { calendar, year } = conversionOf(plan, atMs)
      const by = `${calendar.version} ${year}`
      const limits = converted.get(by) ?? new WeakMap<Fact['fields'], Fact['fields']>()
      converted.set(by, limits)
      return {
        ...{ validMs: atMs, zone: zoneOf(plan.definition.zone), calendar, adjudicated },
        item: (code, at) => {
          const fields = items(code, at)
          if (!fields) return undefined
          let found = limits.get(fields)
          if (!found) {
            found = withLimits(fields, calendar, year)
            limits.set(fields, found)
          }
          return found
        },
      }
    }
  }
  const dimensionsOf = ({ definition }: Plan): string[] => [
    ...new Set([
      'region',
      'city',
      ...definition.dimensions,
      ...(definition.over ? [definition.over] : []),
      ...Object.values(definition.switches).flatMap(({ options }) =>
        Object.values(options).flatMap(({ over }) => (over ? [over] : [])),
      ),
    ]),
  ]

  const reads = (plan: Plan, test: (name: string) => boolean): boolean =>
    [...plan.fields, ...dimensionsOf(plan)].some(test)
  const readsItems = new Set(ofCases.filter((plan) => reads(plan, isOfItem)))
  const readsDays = new Set(ofCases.filter((plan) => reads(plan, (name) => isOfItem(name) || calendarFields.has(name))))

  /** Other definitions or another calendar: other figures, counted anew. */
  const basis = (): string =>
    createHash('sha256')
      .update(JSON.stringify([plans.map(({ definition }) => definition), calendars.map((one) => one.version)]))
      .digest('hex')

  /** Empty cubes, or as they were saved; what cannot be read is counted anew. */
  const rebuild = async (atMs: number): Promise<void> => {
    try {
      await restore(atMs)
    } catch {
      await files?.clear()
      await restore(atMs)
    }
  }
  const restore = async (atMs: number): Promise<void> => {
    cubes.clear()
    states.clear()
    const now = publicationsAt(given, atMs)
    files = directory === undefined ? undefined : await openFiles(directory, basis(), await cases.lastSequence())
    // A catalogue that was put back to an earlier state does not go on from what was counted.
    if (files?.position && !goesOnFrom(files.position.publications, now)) await files.clear()
    const from = files?.position ?? { sequence: 0, validMs: atMs, publications: now }
    sequence = from.sequence
    publications = from.publications
    saved = { sequence, atMs, publications }
    const shared = new Map<string, Names>()
    const namesOf = (dimension: string): Names => {
      if (files) return files.namesOf(dimension)
      const found = shared.get(dimension) ?? new Names()
      shared.set(dimension, found)
      return found
    }
    const contextOf = await contextsOf(from.validMs, publications)
    for (const plan of plans) {
      const { fact: kind } = plan.definition
      const id = keyOf(plan.definition)
      const isCase = kind === 'case'
      const emptyCube = (): Cube =>
        createCube(plan, dimensionsOf(plan), contextOf(plan), {
          namesOf,
          ...(files && isCase && { files: files.sealedOf(id) }),
        })
      const cube = emptyCube()
      cubes.set(id, cube)
      if (isCase) cube.load()
      else states.set(id, { facts: createStateFacts(kind, kind === 'item' && reads(plan, isOfLimit)), emptyCube })
    }
    validMs = from.validMs
  }

  const refresh = async (): Promise<void> => {
    const atMs = nowMs()
    const before = given
    const all = deps.facts()
    await readPublications(all, before)
    given = all
    const isBefore = cubes.size > 0 && !goesOnFrom(publications, publicationsAt(given, atMs))
    if (isBefore) await files?.clear()
    if (isBefore || cubes.size === 0) await rebuild(atMs)
    for (;;) {
      const fresh = await cases.since(sequence, batch)
      if (fresh.length === 0) break
      // Only a corrected or a late record has others before it.
      const history = Map.groupBy(fresh, ({ record }) => record.id)
      const earlier = sequence === 0 ? [] : await cases.history([...history.keys()], fresh[0]!.sequence)
      for (const [id, versions] of earlier) history.set(id, [...versions, ...history.get(id)!])
      const pace = createPace()
      try {
        for (let from = 0; from < fresh.length; from += appliedAtOnce) {
          await pace(true)
          const part = fresh.slice(from, from + appliedAtOnce)
          for (const { definition } of ofCases) cubes.get(keyOf(definition))!.apply(part, history)
        }
      } catch (error) {
        // A part of them is counted: the next time it goes on from what was saved.
        cubes.clear()
        throw error
      }
      sequence = fresh.at(-1)!.sequence
      if (fresh.length < batch) break
    }
    // What is new was counted as of the time before, like what it replaces; only now time goes on for both.
    if (atMs - validMs >= open / openPerMs || changes(atMs))
      try {
        await advance(atMs)
      } catch (error) {
        // Half of it is of before and half of now: the next time it goes on from what was saved.
        cubes.clear()
        throw error
      }
    for (const plan of ofState) await updateState(plan, atMs)
    const isDue =
      sequence - saved.sequence >= saveCases ||
      publications !== saved.publications ||
      (sequence > saved.sequence && atMs - saved.atMs >= saveMs)
    if (isDue) await save()
  }
  const save = async (): Promise<void> => {
    if (!files || cubes.size === 0) return
    if (sequence === saved.sequence && publications === saved.publications) return
    const counted = new Map(ofCases.map(({ definition }) => [keyOf(definition), cubes.get(keyOf(definition))!]))
    await files.save(counted, { basis: basis(), sequence, validMs, publications })
    saved = { sequence, atMs: nowMs(), publications }
  }
  /** Something else than the passing of time makes figures others. */
  const changes = (atMs: number): boolean =>
    Object.keys(publicationsAt(given, atMs)).length !== Object.keys(publications).length ||
    [...readsDays].some((plan) => converts(plan, atMs))
  const converts = (plan: Plan, atMs: number): boolean => {
    const [before, now] = [conversionOf(plan, validMs), conversionOf(plan, atMs)]
    return before.year !== now.year || before.calendar.version !== now.calendar.version
  }
  /**
   * What was open may be late now. A publication makes the cases of its items others; another year or calendar those of
   * every definition that reckons in days. Each is taken back as it was counted, and counted as it is.
   */
  const advance = async (atMs: number): Promise<void> => {
    const now = publicationsAt(given, atMs)
    const isNew = Object.keys(now).length !== Object.keys(publications).length
    const codes = new Set(isNew ? itemsBetween(given, publications, now) : [])
    const contextOf = await contextsOf(atMs, now)
    const moves = ofCases.map((plan) => ({
      all: readsDays.has(plan) && converts(plan, atMs),
      ofItems: readsItems.has(plan),
      move: cubes.get(keyOf(plan.definition))!.advance(contextOf(plan)),
    }))
    const whole = moves.filter(({ all }) => all)
    const others = moves.filter(({ all }) => !all)
    const ofItems = others.filter(({ ofItems: does }) => does)
    const ids = new Set(isNew ? adjudicatedBetween(given, publications, now) : [])
    const done = new Set<number>()
    open = 0
    const pace = createPace()
    for await (const part of cases.scan({ openAtMs: validMs }))
      for (const { record, sequence: at } of part) {
        await pace(true)
        if (at > sequence) continue
        open++
        if (codes.has(record.item) || ids.has(record.id)) done.add(at)
        for (const { move } of others) move(record)
      }
    if (ofItems.length > 0 && codes.size > 0) {
      const among = codes.size <= codesMax ? { items: [...codes] } : {}
      for await (const part of cases.scan(among))
        for (const { record, sequence: at } of part) {
          await pace(true)
          if (at <= sequence && codes.has(record.item) && !done.has(at)) for (const { move } of ofItems) move(record)
        }
    }
    for (const versions of ids.size > 0 ? (await cases.history([...ids])).values() : []) {
      const current = highest(versions.filter(({ sequence: at }) => at <= sequence))
      if (!current || done.has(current.sequence)) continue
      for (const { move, ofItems: does } of others) if (!(does && codes.has(current.record.item))) move(current.record)
    }
    if (whole.length > 0)
      for await (const part of cases.scan({}))
        for (const { record, sequence: at } of part) {
          await pace(true)
          if (at <= sequence) for (const { move } of whole) move(record)
        }
    validMs = atMs
    if (isNew) publications = now
  }
  const updateState = async (plan: Plan, atMs: number): Promise<void> => {
    const id = keyOf(plan.definition)
    const { facts, emptyCube } = states.get(id)!
    const conversion = conversionOf(plan, atMs)
    if (facts.isCurrent(given, atMs, conversion)) return
    cubes.set(id, await facts.update(cubes.get(id)!, given, atMs, conversion, emptyCube))
    answers.delete(id)
  }

  const refreshed = (): Promise<void> => {
    running = running.then(refresh, refresh)
    return running
  }

  return {
    refresh: refreshed,
    save: () => {
      running = running.then(save, save)
      return running
    },
    values: async (question) => {
      const all = versions.get(question.kpi)
      if (!all) return []
      // Asked before the first figures were ready.
      if (cubes.size === 0) await running
      const parts: KpiValue[][] = []
      for (const { plan, keep } of chooseVersions(all, atTimes(question)))
        parts.push(keep(await valuesBy(plan, question)))
      return inOrder(parts, question.by)
    },
    plans: () => [...versions.values()].map((all) => versionAt(all, nowMs())),
    plan: (id) => {
      const all = versions.get(id)
      return all && versionAt(all, nowMs())
    },
    planFor: (question) => {
      const all = versions.get(question.kpi)
      return all && chooseVersions(all, { ...atTimes(question), by: [] })[0]!.plan
    },
    get sequence() {
      return sequence
    },
  }

  function atTimes<Q extends Pick<Question, 'validMs' | 'knownMs'>>(question: Q) {
    return { ...question, validMs: question.validMs ?? nowMs(), knownMs: question.knownMs ?? nowMs() }
  }

  async function valuesBy(plan: Plan, question: Question): Promise<KpiValue[]> {
    const cube = cubes.get(keyOf(plan.definition))
    const isNow = question.validMs === undefined && question.knownMs === undefined && question.without === undefined
    const isKnown =
      isNow &&
      [...question.by, ...Object.keys(question.only)].every(
        (name) => name === 'period' || cube?.dimensions.includes(name),
      )
    if (!isKnown || !cube || !isWholeMonths(question.period)) return fromEvidence(plan, question)
    try {
      return await fromCube(plan, question)
    } catch (error) {
      if (error instanceof CodedError) throw error
      // A file of what was counted cannot be read. The cases are what counts: they are counted again.
      await files?.clear()
      cubes.clear()
      await refreshed()
      return fromCube(plan, question)
    }
  }

  async function fromCube(plan: Plan, { switches, period: label, by, only }: Question): Promise<KpiValue[]> {
    const cube = cubes.get(keyOf(plan.definition))!
    const formula = formulaOf(plan, switches)
    const zone = zoneOf(plan.definition.zone)
    const period = parsePeriod(label, zone)
    const months = label === 'all' || plan.definition.fact !== 'case' ? {} : { months: monthsOf(label) }
    const over = formula.aggregation === 'mean' ? [formula.over] : []
    const counted = async (): Promise<EvaluatedCell[]> => {
      const asked = { cohort: formula.cohort, ...months, by: [...by, ...over], only, matches: within }
      return evaluate(plan, formula, await cube.cells(asked), by.length)
    }
    const request = {
      period,
      validMs,
      knownMs: validMs,
      calendar: calendarAt(calendars, plan.definition.calendar, validMs)!,
      catalogueVersion: catalogueVersion(),
    }
    const isState = plan.definition.fact !== 'case'
    const found = isState ? await answered(keyOf(plan.definition), { switches, by, only }, counted) : await counted()
    return found.map(({ values, outcome }) => kpiValueOf(plan, formula, outcome, dimensionsFrom(by, values), request))
  }

  async function answered(
    id: string,
    asked: Pick<Question, 'switches' | 'by' | 'only'>,
    count: () => Promise<EvaluatedCell[]>,
  ): Promise<EvaluatedCell[]> {
    const known = answers.get(id) ?? new Map<string, EvaluatedCell[]>()
    answers.set(id, known)
    const key = canonicalJson(asked)
    const before = known.get(key)
    if (before) return before
    const found = await count()
    if (known.size >= answersMax) known.delete(known.keys().next().value!)
    if (found.length <= answerCellsMax) known.set(key, found)
    return found
  }

  async function fromEvidence(plan: Plan, question: Question): Promise<KpiValue[]> {
    const zone = zoneOf(plan.definition.zone)
    const at = question.validMs ?? nowMs()
    const knownMs = question.knownMs ?? nowMs()
    const { switches, by, only } = question
    const request = {
      ...{ switches, period: parsePeriod(question.period, zone), by, only, validMs: at, knownMs },
      ...{ calendar: calendarAt(calendars, plan.definition.calendar, knownMs)!, catalogueVersion: catalogueVersion() },
      item: await itemsKnown(deps.facts(), knownMs),
    }
    const of = plan.definition.fact
    const without = new Set(question.without)
    const known = adjudicationsIn(await factsInForce(deps.facts(), 'adjudication', { validMs: at, knownMs }))
    const adjudicated = (id: string): readonly string[] => (without.has(id) ? [...known(id), question.kpi] : known(id))
    const count = createCount(plan, { ...request, adjudicated })
    if (of !== 'case') {
      const pace = createPace()
      for (const fact of await factsInForce(deps.facts(), of, { validMs: at, knownMs })) {
        count.takeFact(withCity(fact))
        await pace(true)
      }
      return count.values()
    }
    await passes.count(count, {
      ...{ knownMs: question.knownMs, nowMs: knownMs, department: only['department'] },
      ...{ cohort: formulaOf(plan, switches).cohort, fromMs: request.period.fromMs, toMs: request.period.toMs },
    })
    return count.values()
  }
}

/** Each version is counted by itself. */
function keyOf({ id, version }: Pick<Plan['definition'], 'id' | 'version'>): string {
  return `${id}@${version}`
}

/** What cannot be read, or knows of cases that are no longer there, is counted anew. */
async function openFiles(directory: string, basis: string, lastSequence: number): Promise<CubeFiles> {
  try {
    const files = openCubeFiles(directory, basis)
    if ((files.position?.sequence ?? 0) <= lastSequence) return files
    await files.clear()
    return files
  } catch {
    await rm(directory, { recursive: true, force: true })
    return openCubeFiles(directory, basis)
  }
}

/** What the catalogue says of the item of a case. */
function isOfItem(name: string): boolean {
  return name.startsWith('item.') || /^(legal|promised)\./.test(name)
}

/** What follows from limits once they are reckoned in days. */
function isOfLimit(name: string): boolean {
  return name.endsWith('.days') || name === 'sameUnit' || name === 'longer'
}

function dimensionsFrom(by: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(by.map((name, i) => [name, values[i]!]))
}

function isWholeMonths(label: string): boolean {
  return !/^\d{4}-(\d\d-\d\d|W\d\d)$/.test(label)
}
