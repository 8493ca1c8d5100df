// Which independent traces a case should have left, as data: rules/kpi/integrity/traces.yml. A case is corroborated when
// anybody else saw it; what could not be seen, because the telemetry was out or was never connected, accuses nobody.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { compileRegex } from '#core/regex.ts'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import { channels } from '#stores/cases/case.ts'
import { compileKql } from '#stores/events/kql/index.ts'
import type { CaseRecord, CaseTrace } from '../contract.ts'

export const traceKinds = [
  'gateway-call',
  'login',
  'message',
  'logistics',
  'payment',
  'certificate-call',
  'queue-ticket',
] as const satisfies readonly CaseTrace['kind'][]
export type TraceKind = (typeof traceKinds)[number]

const kind = z.enum(traceKinds)
const words = z.strictObject({ en: z.string(), zh: z.string() })
const expectation = z.strictObject({
  says: words,
  when: z
    .strictObject({
      channels: z.array(z.enum(channels)).optional(),
      categories: z.array(z.string()).optional().describe('Kinds of items, as the catalogue calls them'),
      items: z.array(z.string()).optional().describe('Beginnings of item codes'),
      certificateElectronic: z.boolean().optional().describe('A certificate was obtained electronically'),
      returnedByPost: z.boolean().optional(),
    })
    .describe('All that is named must hold'),
  expect: z.array(kind).default([]).describe('Any one of them corroborates the case'),
  contradicts: z.array(kind).default([]).describe('A trace of this kind speaks against what the case says'),
  near: z.enum(['opened', 'accepted', 'closed']).default('opened').describe('Around which time of the case'),
  withinHours: z
    .number()
    .positive()
    .max(24 * 366)
    .default(72),
})
const outage = z.strictObject({
  kind,
  region: z.string().default('').describe('A code covers what is below; empty: everywhere'),
  from: z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'is no time'),
  to: z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'is no time'),
  source: z.string().min(1).describe('Who says so'),
})
const telemetry = z.strictObject({
  kind,
  query: z.string().min(1).max(2000).describe('KQL: the events in which this system names a case'),
  case: z.string().min(1).max(200).describe('Field with the number of the case, as departments report it'),
  pattern: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Where the number is a part of the field: RE2 with a group (?P<case>…); written in percent it is decoded',
    ),
  unit: z.string().min(1).max(200).optional().describe('Field with the department; without it the number must tell'),
})
export const traceRulesSchema = z.strictObject({
  version: z.string(),
  rules: z.array(expectation).min(1),
  telemetry: z.array(telemetry).max(50).default([]).describe('Where other systems name cases: what they saw of them'),
  reportedWithinDays: z
    .int()
    .min(1)
    .max(365)
    .default(14)
    .describe('So long a case that others saw may take to be reported'),
  outages: z.array(outage).default([]).describe('Declared; those that the telemetry itself shows are found'),
})
export type TraceRulesSource = z.output<typeof traceRulesSchema>

export interface Outage {
  kind: TraceKind
  region: string
  fromMs: number
  toMs: number
  source: string
}

export interface Corroboration {
  /** Traces that were expected and could have been seen. */
  expected: TraceKind[]
  seen: TraceKind[]
  /** Expected, but the telemetry was out: nobody can tell. */
  blind: TraceKind[]
  contradicted: TraceKind[]
}

export type TelemetrySource = z.output<typeof telemetry>

export interface TraceRules {
  version: string
  telemetry: readonly TelemetrySource[]
  reportedWithinDays: number
  /** No rule looks further from a time of a case. */
  withinMsMax: number
  outages: readonly Outage[]
  of(record: CaseRecord): Corroboration
  withOutages(found: readonly Outage[]): TraceRules
}

export function readTraceRules(file: string): { rules?: TraceRules; problems: SourceProblem[] } {
  const source = readYaml(file, readFileSync(file, 'utf8'), traceRulesSchema)
  const { value, problems } = source
  if (!value) return { problems }
  value.telemetry.forEach((one, i) => {
    for (const [key, check] of [
      ['query', () => compileKql(one.query)],
      ['pattern', () => caseNumber(one)],
    ] as const)
      try {
        check()
      } catch (error) {
        const hint = error instanceof CodedError ? error.hint : ''
        problems.push({ file, line: source.lineOf(['telemetry', i, key]), cause: (error as Error).message, hint })
      }
  })
  return problems.length > 0 ? { problems } : { rules: compileTraceRules(value), problems }
}

/** The number of a case in what a field says; undefined where there is none. @throws CodedError, SyntaxError */
export function caseNumber({ pattern }: Pick<TelemetrySource, 'pattern'>): (text: string) => string | undefined {
  if (pattern === undefined) return (text) => text || undefined
  if (!/\(\?P?<case>/.test(pattern)) throw new SyntaxError('the pattern has no group (?P<case>…)')
  const regex = compileRegex(pattern)
  return (text) => {
    const found = regex.groups(text)?.['case']
    return found === undefined || found === '' ? undefined : decoded(found)
  }
}

function decoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const msPerHour = 3_600_000

export function compileTraceRules(source: TraceRulesSource): TraceRules {
  const rules = source.rules.map((rule) => ({
    ...rule,
    channels: rule.when.channels && new Set<string>(rule.when.channels),
    categories: rule.when.categories && new Set(rule.when.categories),
    withinMs: rule.withinHours * msPerHour,
  }))
  const applies = (rule: (typeof rules)[number], record: CaseRecord): boolean =>
    (rule.channels?.has(record.channel) ?? true) &&
    (rule.categories?.has(record.category) ?? true) &&
    (rule.when.items?.some((start) => record.item.startsWith(start)) ?? true) &&
    (rule.when.returnedByPost === undefined || rule.when.returnedByPost === record.returnedByPost) &&
    (rule.when.certificateElectronic === undefined ||
      rule.when.certificateElectronic === record.certificates.some(({ obtained }) => obtained === 'electronic'))

  const withOutages = (outages: readonly Outage[]): TraceRules => {
    const byKind = new Map<string, Outage[]>()
    for (const one of outages) byKind.set(one.kind, [...(byKind.get(one.kind) ?? []), one])
    const isOut = (wanted: TraceKind, region: string, atMs: number): boolean =>
      byKind.get(wanted)?.some((one) => atMs >= one.fromMs && atMs < one.toMs && region.startsWith(one.region)) ?? false
    return {
      ...{ version: source.version, telemetry: source.telemetry, reportedWithinDays: source.reportedWithinDays },
      outages,
      withinMsMax: Math.max(...rules.map(({ withinMs }) => withinMs)),
      withOutages: (found) => withOutages([...outages, ...found]),
      of: (record) => {
        const answer: Corroboration = { expected: [], seen: [], blind: [], contradicted: [] }
        for (const rule of rules) {
          if (!applies(rule, record)) continue
          const atMs = timeOf(record, rule.near)
          if (atMs === null) continue
          const near = (wanted: TraceKind): boolean =>
            record.traces.some((trace) => trace.kind === wanted && Math.abs(trace.atMs - atMs) <= rule.withinMs)
          for (const wanted of rule.expect) {
            if (near(wanted)) {
              answer.expected.push(wanted)
              answer.seen.push(wanted)
            } else if (isOut(wanted, record.region, atMs)) answer.blind.push(wanted)
            else answer.expected.push(wanted)
          }
          for (const wanted of rule.contradicts) if (near(wanted)) answer.contradicted.push(wanted)
        }
        return answer
      },
    }
  }
  return withOutages(source.outages.map((one) => ({ ...one, fromMs: Date.parse(one.from), toMs: Date.parse(one.to) })))
}

export function timeOf(record: CaseRecord, near: 'opened' | 'accepted' | 'closed'): number | null {
  const { openedMs, acceptedMs, closedMs } = record
  return near === 'closed' ? closedMs : near === 'accepted' ? (acceptedMs ?? openedMs) : (openedMs ?? acceptedMs)
}
