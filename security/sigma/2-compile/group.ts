// The rules of one log source, compiled together. For each rule a guard is chosen: texts of which one must be there for
// the rule to match at all. While an event's values pass the automata, the rules whose guard was met become candidates;
// only those are evaluated. An event is gone through once, name by name: rules look at hundreds of fields, of which it has
// a few.
import type { Node, SigmaRule } from '../1-parse/ast.ts'
import { type Ask, type Atom, Atoms, type LazyAtom, type TextAtom } from './atoms.ts'
import { cheapestScanners, PairCounts, type Scanner } from './leap.ts'
import { type Pattern, Trie } from './trie.ts'

/** A flat event; fields by the names that rules use. */
export interface View {
  readonly event: Readonly<Record<string, unknown>>
  /** How its names are written; the same for events of the same writing. */
  readonly shape: string
  /** Under which names the event may carry a field; the first that is there counts. */
  namesOf(field: string): readonly string[]
  /** undefined: absent. */
  get(field: string): unknown
  /** Every text of the event, for keywords. */
  texts(): Iterable<string>
}

type Evaluate = (state: Evaluation) => boolean

interface FieldPlan {
  field: string
  folded: readonly Scanner[]
  cased: readonly Scanner[]
}

/** A name under which an event may carry a field, and the names that go before it. */
interface Place {
  plan: FieldPlan
  before: readonly string[]
}

interface CompiledRule {
  rule: SigmaRule
  evaluate: Evaluate
}

export interface GroupStats {
  rules: number
  atoms: number
  unguarded: number
  bytes: number
}

export class Group {
  readonly stats: GroupStats
  readonly #rules: CompiledRule[]
  readonly #plans: FieldPlan[]
  readonly #places = new Map<string, Map<string, Place[]>>()
  readonly #keywords: FieldPlan | undefined
  readonly #state: Evaluation
  /** Rules whose guard holds this atom. */
  readonly #guarded: (Int32Array | undefined)[]
  readonly #unguarded: Int32Array
  readonly #tried: Uint32Array
  #candidates: number[] = []

  constructor(rules: readonly SigmaRule[], { interned, atoms, plans } = inOne(compile(rules))) {
    const guards = interned.map(necessary)
    this.#rules = interned.map((node, i) => ({ rule: rules[i]!, evaluate: evaluatorOf(node) }))
    const byAtom: number[][] = []
    const unguarded: number[] = []
    for (const [index, guard] of guards.entries()) {
      if (!guard) unguarded.push(index)
      else
        for (const { id } of guard.atoms) {
          byAtom[id] ??= []
          byAtom[id].push(index)
        }
    }
    this.#guarded = Array.from({ length: atoms.all.length }, (_, id) => byAtom[id] && Int32Array.from(byAtom[id]))
    this.#unguarded = Int32Array.from(unguarded)
    this.#tried = new Uint32Array(rules.length)
    this.#keywords = plans.get(null)
    this.#plans = [...plans.values()].filter((plan) => plan !== this.#keywords)
    this.#state = new Evaluation(atoms.all.length)
    this.stats = {
      ...{ rules: rules.length, atoms: atoms.all.length, unguarded: unguarded.length },
      bytes: [...plans.values()]
        .flatMap(({ folded, cased }) => [...folded, ...cased])
        .reduce((sum, { bytes }) => sum + bytes, 0),
    }
  }

  /** The same a step at a time: the rules of one log source take a fifth of a second, which others would wait for. */
  static *inSteps(rules: readonly SigmaRule[]): Generator<void, Group> {
    return new Group(rules, yield* compile(rules))
  }

  /** @returns the rules that match; `tried` counts those that were evaluated. */
  match(view: View, counts?: { tried: number }): SigmaRule[] {
    const state = this.#state
    state.begin(view)
    this.#candidates.length = 0
    const { event } = view
    const places = this.#placesOf(view)
    const keywords = this.#keywords
    for (const name in event) {
      const value = event[name]
      if (value === undefined || value === null) continue
      const here = places.get(name)
      if (!here && !keywords) continue
      if (typeof value === 'string') this.#scan(value, event, here, keywords)
      else if (Array.isArray(value)) {
        for (const one of value) if (one !== null && one !== undefined) this.#scan(String(one), event, here, keywords)
      } else {
        const isPlain = typeof value === 'number' || typeof value === 'boolean'
        this.#scan(String(value), event, here, isPlain ? keywords : undefined)
      }
    }
    for (let i = 0; i < this.#unguarded.length; i++) this.#candidate(this.#unguarded[i]!)
    let matches: SigmaRule[] | undefined
    for (const index of this.#candidates) {
      const { rule, evaluate } = this.#rules[index]!
      if (!evaluate(state)) continue
      matches ??= []
      matches.push(rule)
    }
    if (counts) counts.tried += this.#candidates.length
    return matches ?? []
  }

  /** Lower case is made once for all that look at a value. */
  #scan(
    text: string,
    event: View['event'],
    places: readonly Place[] | undefined,
    keywords: FieldPlan | undefined,
  ): void {
    const lower = text.toLowerCase()
    if (keywords) scanWith(keywords, text, lower, this.#found)
    if (!places) return
    for (let i = 0; i < places.length; i++) {
      const { plan, before } = places[i]!
      if (before.length === 0 || before.every((name) => event[name] === undefined))
        scanWith(plan, text, lower, this.#found)
    }
  }

  /** By the names that events of this shape have. */
  #placesOf(view: View): ReadonlyMap<string, Place[]> {
    let places = this.#places.get(view.shape)
    if (places) return places
    places = new Map()
    for (const plan of this.#plans) {
      const names = view.namesOf(plan.field)
      for (const [rank, name] of names.entries()) {
        const list = places.get(name)
        const place = { plan, before: names.slice(0, rank) }
        if (list) list.push(place)
        else places.set(name, [place])
      }
    }
    this.#places.set(view.shape, places)
    return places
  }

  readonly #found = (atom: number): void => {
    if (!this.#state.hold(atom)) return
    const rules = this.#guarded[atom]
    if (!rules) return
    for (let i = 0; i < rules.length; i++) this.#candidate(rules[i]!)
  }

  #candidate(index: number): void {
    if (this.#tried[index] === this.#state.generation) return
    this.#tried[index] = this.#state.generation
    this.#candidates.push(index)
  }
}

interface Compiled {
  interned: readonly Interned[]
  atoms: Atoms
  /** By field; null for keywords. */
  plans: ReadonlyMap<string | null, FieldPlan>
}

const rulesPerStep = 32

function* compile(rules: readonly SigmaRule[]): Generator<void, Compiled> {
  const atoms = new Atoms()
  const interned: Interned[] = []
  for (const { condition } of rules) {
    interned.push(intern(condition, atoms))
    if (interned.length % rulesPerStep === 0) yield
  }
  const texts = atoms.all.filter((atom) => atom.kind === 'text')
  const pairs = new PairCounts()
  for (const { text } of texts) pairs.add(text)
  const plans = new Map<string | null, FieldPlan>()
  for (const [field, list] of Map.groupBy(texts, ({ field }) => field)) {
    yield
    plans.set(field, yield* planOf(field ?? '', list, pairs))
  }
  return { interned, atoms, plans }
}

function inOne<T>(steps: Generator<void, T>): T {
  while (true) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

function scanWith({ folded, cased }: FieldPlan, text: string, lower: string, found: (atom: number) => void): void {
  for (let i = 0; i < folded.length; i++) folded[i]!.scan(lower, found)
  for (let i = 0; i < cased.length; i++) cased[i]!.scan(text, found)
}

function* planOf(field: string, atoms: readonly TextAtom[], pairs: PairCounts): Generator<void, FieldPlan> {
  function* scanners(cased: boolean): Generator<void, Scanner[]> {
    const of = (...ops: TextAtom['op'][]): Pattern[] =>
      atoms
        .filter((one) => one.cased === cased && ops.includes(one.op))
        .map(({ id, text, op }) => ({ atom: id, text, op }))
    const [anywhere, atStart, atEnd] = [of('contains'), of('starts', 'equals'), of('ends')]
    const list = yield* cheapestScanners(anywhere, pairs)
    if (atStart.length > 0) list.push(new Trie(atStart, false))
    yield
    if (atEnd.length > 0) list.push(new Trie(atEnd, true))
    return list
  }
  return { field, folded: yield* scanners(false), cased: yield* scanners(true) }
}

/** What is known of one event. Marks carry the event's number, so that nothing is cleared between events. */
class Evaluation implements Ask {
  generation = 0
  readonly #holds: Uint32Array
  readonly #fails: Uint32Array
  #view: View | undefined

  constructor(atoms: number) {
    this.#holds = new Uint32Array(atoms)
    this.#fails = new Uint32Array(atoms)
  }

  begin(view: View): void {
    this.#view = view
    if (++this.generation > 0xfffffff0) {
      this.#holds.fill(0)
      this.#fails.fill(0)
      this.generation = 1
    }
  }

  /** @returns false when it was known already */
  hold(atom: number): boolean {
    if (this.#holds[atom] === this.generation) return false
    this.#holds[atom] = this.generation
    return true
  }

  isTrue(atom: Atom): boolean {
    if (this.#holds[atom.id] === this.generation) return true
    if (atom.kind === 'text' || this.#fails[atom.id] === this.generation) return false
    const holds = (!atom.needs || this.#holds[atom.needs.id] === this.generation) && this.#ask(atom)
    ;(holds ? this.#holds : this.#fails)[atom.id] = this.generation
    return holds
  }

  #ask(atom: LazyAtom): boolean {
    if (atom.field === null) {
      for (const text of this.#view!.texts()) if (atom.holds(text, this)) return true
      return false
    }
    if (atom.whole) return atom.holds(undefined, this)
    return this.valuesOf(atom.field).some((value) => atom.holds(value, this))
  }

  valuesOf(field: string): readonly string[] {
    const value = this.#view!.get(field)
    if (value === undefined || value === null) return []
    if (typeof value === 'string') return [value]
    if (Array.isArray(value)) return value.filter((one) => one !== null && one !== undefined).map(String)
    return [String(value)]
  }

  isPresent(field: string): boolean {
    return this.#view!.get(field) !== undefined
  }

  isNull(field: string): boolean {
    return this.#view!.get(field) === null
  }
}

/** A rule's condition over atoms. */
type Interned =
  | { kind: 'and' | 'or'; parts: Interned[] }
  | { kind: 'not'; part: Interned }
  | { kind: 'atLeast'; count: number; parts: Interned[] }
  | { kind: 'atoms'; all: boolean; atoms: Atom[] }

function intern(node: Node, atoms: Atoms): Interned {
  switch (node.kind) {
    case 'item':
      return { kind: 'atoms', all: node.all, atoms: node.tests.map((test) => atoms.of(node.field, test)) }
    case 'not':
      return { kind: 'not', part: intern(node.part, atoms) }
    case 'atLeast':
      return { kind: 'atLeast', count: node.count, parts: node.parts.map((part) => intern(part, atoms)) }
    default:
      return { kind: node.kind, parts: node.parts.map((part) => intern(part, atoms)) }
  }
}

function evaluatorOf(node: Interned): Evaluate {
  switch (node.kind) {
    case 'atoms': {
      const { atoms, all } = node
      const [first] = atoms
      if (atoms.length === 1) return (state) => state.isTrue(first!)
      return all
        ? (state) => {
            for (const atom of atoms) if (!state.isTrue(atom)) return false
            return true
          }
        : (state) => {
            for (const atom of atoms) if (state.isTrue(atom)) return true
            return false
          }
    }
    case 'not': {
      const part = evaluatorOf(node.part)
      return (state) => !part(state)
    }
    case 'and': {
      // What costs least is asked first.
      const parts = [...node.parts].sort((a, b) => costOf(a) - costOf(b)).map(evaluatorOf)
      return (state) => {
        for (const part of parts) if (!part(state)) return false
        return true
      }
    }
    case 'or': {
      const parts = [...node.parts].sort((a, b) => costOf(a) - costOf(b)).map(evaluatorOf)
      return (state) => {
        for (const part of parts) if (part(state)) return true
        return false
      }
    }
    case 'atLeast': {
      const parts = node.parts.map(evaluatorOf)
      const { count } = node
      return (state) => {
        let held = 0
        for (const part of parts) if (part(state) && ++held >= count) return true
        return false
      }
    }
  }
}

function costOf(node: Interned): number {
  switch (node.kind) {
    case 'atoms':
      return node.atoms.reduce((sum, atom) => sum + (atom.kind === 'text' ? 0.1 : atom.cost), 0)
    case 'not':
      return costOf(node.part)
    default:
      return node.parts.reduce((sum, part) => sum + costOf(part), 0)
  }
}

/** Of a rule, texts of which one must stand in its field (null: in any) for it to match; undefined when there are none. */
export function guardOf(rule: SigmaRule): readonly TextAtom[] | undefined {
  return necessary(intern(rule.condition, new Atoms()))?.atoms
}

interface Guard {
  atoms: TextAtom[]
  /** A guess of how often one of them holds. */
  cost: number
}

/** Texts of which one must hold; undefined when there are none that an automaton can see. */
function necessary(node: Interned): Guard | undefined {
  switch (node.kind) {
    case 'not':
    case 'atLeast':
      return undefined
    case 'and':
      return cheapest(node.parts.map(necessary))
    case 'or':
      return union(node.parts.map(necessary))
    case 'atoms': {
      const guards = node.atoms.map((atom): Guard | undefined => {
        const text = atom.kind === 'text' ? atom : atom.needs
        return text && { atoms: [text], cost: oftenness(text) }
      })
      return node.all ? cheapest(guards) : union(guards)
    }
  }
}

function cheapest(guards: readonly (Guard | undefined)[]): Guard | undefined {
  let best: Guard | undefined
  for (const guard of guards) if (guard && (!best || guard.cost < best.cost)) best = guard
  return best
}

function union(guards: readonly (Guard | undefined)[]): Guard | undefined {
  let cost = 0
  const atoms = new Set<TextAtom>()
  for (const guard of guards) {
    if (!guard) return undefined
    cost += guard.cost
    for (const atom of guard.atoms) atoms.add(atom)
  }
  return { atoms: [...atoms], cost }
}

/** Many rules name what is common; short texts stand in many values; a whole value is rarer than a part of one. */
function oftenness({ text, op, uses }: TextAtom): number {
  const byLength = text.length <= 2 ? 50 : text.length <= 4 ? 8 : text.length <= 6 ? 2 : 1
  return uses ** 1.5 * (op === 'equals' ? Math.min(byLength, 2) : byLength)
}
