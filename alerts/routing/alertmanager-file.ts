// Alertmanager's own configuration file, as far as it says who is told and when: route, receivers, time intervals,
// inhibition; and its webhooks, mail and applications of WeCom. For all else that sends there are the receivers of the same names here.
import { z } from 'zod'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import type { InhibitRule } from '../mute/inhibit.ts'
import {
  completeEmail,
  completeWechat,
  emailSchema,
  type FileEmail,
  type FileWebhook,
  type FileWechat,
  globalSchema,
  webhookSchema,
  wechatSchema,
} from './file-receivers.ts'
import { labelMatcher, matcherText, parseLabelMatchers } from './label-matchers.ts'
import { allRoutes, type Branch, growTree, type RouteConfig, routeSchema } from './route-tree.ts'
import { type NamedInterval, namedIntervalSchema } from './time-interval.ts'

export interface Routing {
  root: Branch
  receivers: FileReceiver[]
  intervals: ReadonlyMap<string, NamedInterval>
  inhibitRules: InhibitRule[]
}

export interface FileReceiver {
  name: string
  webhooks: FileWebhook[]
  emails: FileEmail[]
  wechats: FileWechat[]
  /** Kinds that only a receiver of ours with this name can stand for. */
  others: string[]
  line: number
}

const pairs = z.record(z.string(), z.string()).default({})
const matchers = z.array(z.string()).max(100).default([])
const inhibitSchema = z.strictObject({
  ...{ source_match: pairs, source_match_re: pairs, source_matchers: matchers },
  ...{ target_match: pairs, target_match_re: pairs, target_matchers: matchers },
  equal: z.array(z.string()).max(100).default([]),
})

const fileSchema = z.strictObject({
  global: globalSchema.nullish(),
  templates: z.unknown().optional(),
  route: routeSchema,
  receivers: z
    .array(
      z.looseObject({
        name: z.string().min(1).max(200),
        webhook_configs: z.array(webhookSchema).max(100).default([]),
        email_configs: z.array(emailSchema).max(100).default([]),
        wechat_configs: z.array(wechatSchema).max(100).default([]),
      }),
    )
    .max(1000),
  inhibit_rules: z.array(inhibitSchema).max(1000).default([]),
  time_intervals: z.array(namedIntervalSchema).max(1000).default([]),
  mute_time_intervals: z.array(namedIntervalSchema).max(1000).default([]),
})
type FileConfig = z.output<typeof fileSchema>

export function readAlertmanagerFile(file: string, text: string): { routing?: Routing; problems: SourceProblem[] } {
  const source = readYaml(file, text, fileSchema)
  if (!source.value) return { problems: source.problems }
  const config = source.value
  const problems: SourceProblem[] = []
  const report = (path: PropertyKey[], cause: string): void => {
    problems.push({ file, line: source.lineOf(path), cause, hint: '' })
  }
  const intervals = intervalsOf(config, report)
  const root = growTree(config.route, report)
  checkRoot(config.route, report)
  checkRoutes(
    config.route,
    ['route'],
    { receivers: new Set(config.receivers.map(({ name }) => name)), intervals },
    report,
  )
  const inhibitRules = config.inhibit_rules.flatMap((rule, at) => {
    try {
      return [inhibitRuleOf(rule)]
    } catch (error) {
      report(['inhibit_rules', at], (error as Error).message)
      return []
    }
  })
  const receivers = receiversOf(config, source.lineOf, report)
  return problems.length > 0 ? { problems } : { routing: { root, receivers, intervals, inhibitRules }, problems }
}

type Report = (path: PropertyKey[], cause: string) => void

function receiversOf(config: FileConfig, lineOf: (path: PropertyKey[]) => number, report: Report): FileReceiver[] {
  const global = config.global ?? globalSchema.parse({})
  return config.receivers.map((receiver, at) => {
    const { name, webhook_configs: webhooks, email_configs: emails, wechat_configs: wechats, ...rest } = receiver
    if (config.receivers.findIndex((other) => other.name === name) < at)
      report(['receivers', at], `two receivers are called "${name}"`)
    const complete = emails.map((email) => completeEmail(email, global))
    complete.forEach(({ from, smarthost }, n) => {
      const missing = smarthost === undefined ? 'smarthost' : from === undefined ? 'from' : ''
      if (missing !== '')
        report(['receivers', at, 'email_configs', n], `${missing} is missing, and global has no smtp_${missing}`)
    })
    return {
      name,
      webhooks: webhooks.map((webhook) => ({ ...webhook, http_config: webhook.http_config ?? global.http_config })),
      emails: complete,
      wechats: wechats.map((wechat) => completeWechat(wechat, global)),
      others: Object.keys(rest),
      line: lineOf(['receivers', at]),
    }
  })
}

function intervalsOf(config: FileConfig, report: Report): Map<string, NamedInterval> {
  const intervals = new Map<string, NamedInterval>()
  for (const key of ['time_intervals', 'mute_time_intervals'] as const)
    config[key].forEach((interval, at) => {
      if (intervals.has(interval.name)) report([key, at], `two time intervals are called "${interval.name}"`)
      intervals.set(interval.name, interval)
    })
  return intervals
}

function checkRoot(route: RouteConfig, report: Report): void {
  if (route.receiver === undefined) report(['route'], 'the first route needs a receiver')
  const chooses = Object.keys(route.match).length + Object.keys(route.match_re).length + route.matchers.length > 0
  if (chooses || route.continue)
    report(['route'], 'the first route takes every alert: it has no matchers and no continue')
  if (route.mute_time_intervals.length + route.active_time_intervals.length > 0)
    report(['route'], 'the first route has no time intervals: it is there at all times')
}

function checkRoutes(
  route: RouteConfig,
  path: PropertyKey[],
  known: { receivers: ReadonlySet<string>; intervals: ReadonlyMap<string, NamedInterval> },
  report: Report,
): void {
  if (route.receiver !== undefined && !known.receivers.has(route.receiver))
    report([...path, 'receiver'], `receiver "${route.receiver}" is not among the receivers`)
  for (const key of ['mute_time_intervals', 'active_time_intervals'] as const)
    for (const name of route[key])
      if (!known.intervals.has(name)) report([...path, key], `time interval "${name}" is not among the time intervals`)
  route.routes.forEach((child, at) => {
    checkRoutes(child, [...path, 'routes', at], known, report)
  })
}

function inhibitRuleOf(rule: z.output<typeof inhibitSchema>): InhibitRule {
  const texts = (match: Record<string, string>, matchRe: Record<string, string>, list: string[]): string[] =>
    [
      ...Object.entries(match).map(([name, value]) => labelMatcher(name, '=', value)),
      ...Object.entries(matchRe).map(([name, value]) => labelMatcher(name, '=~', value)),
      ...list.flatMap(parseLabelMatchers),
    ].map(matcherText)
  return {
    sourceMatchers: texts(rule.source_match, rule.source_match_re, rule.source_matchers),
    targetMatchers: texts(rule.target_match, rule.target_match_re, rule.target_matchers),
    equal: rule.equal,
  }
}

/** The receivers that some route names. */
export function routedReceivers({ root }: Routing): Set<string> {
  return new Set([...allRoutes(root)].map(({ route }) => route.receiver))
}
