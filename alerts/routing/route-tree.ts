// The routing tree: an alert goes down the first child that matches, and on to the next one where `continue` is set; a
// route none of whose children match takes the alert itself.
import { z } from 'zod'
import { durationMs } from './duration.ts'
import { type LabelMatcher, type Labels, labelMatcher, matcherText, parseLabelMatchers } from './label-matchers.ts'

export interface Route {
  /** Where it stands in the file, e.g. `route.routes[1]`. */
  path: string
  /** The matchers on the way to it, as Alertmanager writes them into the keys of groups. */
  key: string
  /** Tells apart routes with the same key. */
  id: string
  receiver: string
  /** `['...']` groups by every label. */
  groupBy: string[]
  groupWaitMs: number
  groupIntervalMs: number
  repeatIntervalMs: number
  muteTimeIntervals: string[]
  activeTimeIntervals: string[]
}

export interface Branch {
  route: Route
  matchers: LabelMatcher[]
  goesOn: boolean
  children: Branch[]
}

const labelName = z.union([z.literal('...'), z.string().regex(/^[a-zA-Z_][\w.]*$/, 'is no name of a label')])
const names = z.array(z.string()).max(100).default([])
export const routeSchema = z.strictObject({
  receiver: z.string().optional(),
  group_by: z
    .array(labelName)
    .max(100)
    .refine((list) => new Set(list).size === list.length, { message: 'names a label twice' })
    .refine((list) => !list.includes('...') || list.length === 1, { message: '... stands alone: it is every label' })
    .optional(),
  group_wait: durationMs.optional(),
  group_interval: durationMs.refine((ms) => ms > 0, { message: 'must be more than nothing' }).optional(),
  repeat_interval: durationMs.refine((ms) => ms > 0, { message: 'must be more than nothing' }).optional(),
  match: z.record(z.string(), z.string()).default({}),
  match_re: z.record(z.string(), z.string()).default({}),
  matchers: z.array(z.string()).max(100).default([]),
  continue: z.boolean().default(false),
  mute_time_intervals: names,
  active_time_intervals: names,
  // Said outright: what is inferred of a type that names itself depends on which file is checked first.
  get routes(): z.ZodDefault<z.ZodArray<typeof routeSchema>> {
    return z.array(routeSchema).max(1000).default([])
  },
})
export type RouteConfig = z.output<typeof routeSchema>

const defaults: Route = {
  ...{ path: '', key: '', id: '', receiver: '', groupBy: [] },
  ...{ groupWaitMs: 30_000, groupIntervalMs: 300_000, repeatIntervalMs: 14_400_000 },
  ...{ muteTimeIntervals: [], activeTimeIntervals: [] },
}

/** @param report is told what is wrong, and where */
export function growTree(root: RouteConfig, report: (path: PropertyKey[], cause: string) => void): Branch {
  const seen = new Map<string, number>()
  const grow = (config: RouteConfig, path: PropertyKey[], parent: Route): Branch => {
    let matchers: LabelMatcher[] = []
    try {
      matchers = matchersOf(config)
    } catch (error) {
      report(path, (error as Error).message)
    }
    const key = `${path.length > 1 ? `${parent.key}/` : ''}{${matchers.map(matcherText).join(',')}}`
    const twin = seen.get(key) ?? 0
    seen.set(key, twin + 1)
    const route = { ...inherited(config, parent), path: pathText(path), key, id: twin === 0 ? key : `${key}#${twin}` }
    const children = config.routes.map((child, index) => grow(child, [...path, 'routes', index], route))
    return { route, matchers, goesOn: config.continue, children }
  }
  return grow(root, ['route'], defaults)
}

/** Time intervals are a route's own; all else comes from the parent where it is not said. */
function inherited(config: RouteConfig, parent: Route): Omit<Route, 'path' | 'key' | 'id'> {
  return {
    receiver: config.receiver ?? parent.receiver,
    // Alertmanager cannot tell an empty list from none.
    groupBy: config.group_by?.length ? config.group_by : parent.groupBy,
    groupWaitMs: config.group_wait ?? parent.groupWaitMs,
    groupIntervalMs: config.group_interval ?? parent.groupIntervalMs,
    repeatIntervalMs: config.repeat_interval ?? parent.repeatIntervalMs,
    muteTimeIntervals: config.mute_time_intervals,
    activeTimeIntervals: config.active_time_intervals,
  }
}

/** In Alertmanager's order, by name and value: groups have the same keys in both. */
function matchersOf(config: RouteConfig): LabelMatcher[] {
  const list = [
    ...Object.entries(config.match).map(([name, value]) => labelMatcher(name, '=', value)),
    // It keeps these with the anchors that it adds.
    ...Object.entries(config.match_re).map(([name, value]) => labelMatcher(name, '=~', `^(?:${value})$`)),
    ...config.matchers.flatMap(parseLabelMatchers),
  ]
  const sortKey = ({ name, value }: LabelMatcher): [string, string] => [name, value]
  return list.sort((a, b) => compare(sortKey(a), sortKey(b)))
}

function compare(a: readonly [string, string], b: readonly [string, string]): number {
  for (const at of [0, 1] as const) if (a[at] !== b[at]) return a[at] < b[at] ? -1 : 1
  return 0
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .slice(1)
}

/** The routes that take an alert with these labels. */
export function routesFor(branch: Branch, labels: Labels): Route[] {
  if (!branch.matchers.every(({ matches }) => matches(labels))) return []
  const found: Route[] = []
  for (const child of branch.children) {
    const taken = routesFor(child, labels)
    found.push(...taken)
    if (taken.length > 0 && !child.goesOn) break
  }
  return found.length > 0 ? found : [branch.route]
}

export function* allRoutes(branch: Branch): Generator<Branch> {
  yield branch
  for (const child of branch.children) yield* allRoutes(child)
}

/** The labels of the group in which this route puts an alert; a label that it does not have is left out. */
export function groupLabels(route: Route, labels: Labels): Record<string, string> {
  const names =
    route.groupBy[0] === '...' ? Object.keys(labels) : route.groupBy.filter((name) => Object.hasOwn(labels, name))
  return Object.fromEntries(names.sort().map((name) => [name, labels[name]!]))
}

export function groupKey(route: Route, labels: Labels): string {
  return groupKeyText(route.key, labels)
}

/** As Alertmanager writes it, e.g. `{}/{team="db"}:{alertname="Down"}`. */
export function groupKeyText(routeKey: string, labels: Labels): string {
  const list = Object.keys(labels)
    .sort()
    .map((name) => `${name}=${JSON.stringify(labels[name])}`)
  return `${routeKey}:{${list.join(', ')}}`
}
