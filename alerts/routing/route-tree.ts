// The routing tree of an Alertmanager file: an alert goes down the first child that matches, and on to the next one
// where `continue` is set; a route none of whose children match takes the alert itself.
import { z } from 'zod'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import { type LabelMatcher, type Labels, labelMatcher, parseLabelMatchers } from './label-matchers.ts'

export interface Route {
  /** Where it stands in the file, e.g. `route.routes[1]`. */
  path: string
  receiver: string
  /** `['...']` groups by every label. */
  groupBy: string[]
  groupWait: string
  groupInterval: string
  repeatInterval: string
  muteTimeIntervals: string[]
  activeTimeIntervals: string[]
}

interface Branch {
  route: Route
  matchers: LabelMatcher[]
  goesOn: boolean
  children: Branch[]
}

export type RouteTree = (labels: Labels) => Route[]

const duration = z
  .string()
  .regex(/^(?=.)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/, 'write a duration: 30s, 5m, 4h')
const routeSchema = z.strictObject({
  receiver: z.string().optional(),
  group_by: z.array(z.string()).optional(),
  group_wait: duration.optional(),
  group_interval: duration.optional(),
  repeat_interval: duration.optional(),
  match: z.record(z.string(), z.string()).default({}),
  match_re: z.record(z.string(), z.string()).default({}),
  matchers: z.array(z.string()).default([]),
  continue: z.boolean().default(false),
  mute_time_intervals: z.array(z.string()).default([]),
  active_time_intervals: z.array(z.string()).default([]),
  get routes() {
    return z.array(routeSchema).default([])
  },
})
const fileSchema = z.looseObject({
  route: routeSchema,
  receivers: z.array(z.looseObject({ name: z.string().min(1) })),
})
type RouteConfig = z.infer<typeof routeSchema>

export function readRouteTree(file: string, text: string): { tree?: RouteTree; problems: SourceProblem[] } {
  const source = readYaml(file, text, fileSchema)
  if (!source.value) return { problems: source.problems }
  const { route, receivers } = source.value
  const names = new Set(receivers.map(({ name }) => name))
  const problems: SourceProblem[] = []
  const report = (path: PropertyKey[], cause: string): void => {
    problems.push({ file, line: source.lineOf(path), cause, hint: '' })
  }
  const grow = (config: RouteConfig, path: PropertyKey[], parent: Route): Branch => {
    if (config.receiver !== undefined && !names.has(config.receiver))
      report([...path, 'receiver'], `receiver "${config.receiver}" is not among the receivers`)
    let matchers: LabelMatcher[] = []
    try {
      matchers = matchersOf(config)
    } catch (error) {
      report(path, (error as Error).message)
    }
    const own = routeOf(config, path, parent)
    const children = config.routes.map((child, index) => grow(child, [...path, 'routes', index], own))
    return { route: own, matchers, goesOn: config.continue, children }
  }
  if (route.receiver === undefined) report(['route'], 'the first route needs a receiver')
  const root = grow(route, ['route'], defaults)
  if (root.matchers.length > 0 || root.goesOn)
    report(['route'], 'the first route takes every alert: it has no matchers and no continue')
  return problems.length > 0 ? { problems } : { tree: (labels) => routesFor(root, labels), problems }
}

const defaults: Route = {
  path: '',
  receiver: '',
  groupBy: [],
  groupWait: '30s',
  groupInterval: '5m',
  repeatInterval: '4h',
  muteTimeIntervals: [],
  activeTimeIntervals: [],
}

/** Time intervals are a route's own; all else comes from the parent where it is not said. */
function routeOf(config: RouteConfig, path: PropertyKey[], parent: Route): Route {
  return {
    path: path
      .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
      .join('')
      .slice(1),
    receiver: config.receiver ?? parent.receiver,
    groupBy: config.group_by ?? parent.groupBy,
    groupWait: config.group_wait ?? parent.groupWait,
    groupInterval: config.group_interval ?? parent.groupInterval,
    repeatInterval: config.repeat_interval ?? parent.repeatInterval,
    muteTimeIntervals: config.mute_time_intervals,
    activeTimeIntervals: config.active_time_intervals,
  }
}

function matchersOf(config: RouteConfig): LabelMatcher[] {
  return [
    ...Object.entries(config.match).map(([name, value]) => labelMatcher(name, '=', value)),
    ...Object.entries(config.match_re).map(([name, value]) => labelMatcher(name, '=~', value)),
    ...config.matchers.flatMap(parseLabelMatchers),
  ]
}

function routesFor(branch: Branch, labels: Labels): Route[] {
  if (!branch.matchers.every((matches) => matches(labels))) return []
  const found: Route[] = []
  for (const child of branch.children) {
    const taken = routesFor(child, labels)
    found.push(...taken)
    if (taken.length > 0 && !child.goesOn) break
  }
  return found.length > 0 ? found : [branch.route]
}
