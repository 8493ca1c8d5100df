// Cases that others saw and that the unit never reported: what they are taken for.
import type { RuleWords } from './case-rules.ts'
import { type Span, serialSpans } from './serials.ts'
import type { TraceKind } from './traces.ts'
import type { RowKeeper } from './unit-rows.ts'

/** Traces that name a case which nobody reported. */
const orphanRule: RuleWords = {
  ...{ id: 'traces-without-case', ground: 'habit', check: 'N' },
  measure: { en: 'seen by others, and never reported as a case', zh: '有外部痕迹而未报送案件' },
  question: {
    en: 'Others saw applications of which no case was ever reported. What became of them?',
    zh: '外部系统有申请痕迹，却从未报送案件，这些申请去向如何？',
  },
}
/** Who gives up an application has passed the gateway at most; these are left by cases that were worked on. */
const servedKinds: ReadonlySet<string> = new Set<TraceKind>(['message', 'logistics', 'payment', 'certificate-call'])
const servedRule: RuleWords = {
  ...{ id: 'served-without-case', check: 'N' },
  measure: {
    en: 'paid, delivered, told or looked up for a case that was never reported',
    zh: '有缴费、送达、告知或证照调用而未报送案件',
  },
  question: {
    en: 'Others saw payments, deliveries, messages or certificates of cases that were never reported. Where are these cases?',
    zh: '外部系统有缴费、送达、告知或证照调用记录，却从未报送案件，这些案件去向如何？',
  },
}
const missingRule: RuleWords = {
  ...{ id: 'number-seen-and-missing', check: 'J', habits: 2 },
  measure: { en: 'numbers that others saw and that are missing among the cases', zh: '外部系统见过而案件中缺失的编号' },
  question: {
    en: 'Others saw case numbers that are missing among those reported. Where are these cases?',
    zh: '外部系统有记录的案件编号在报送案件中缺失，这些案件去向如何？',
  },
}

const servedMissingRule: RuleWords = {
  ...{ id: 'served-and-missing', check: 'J', habits: 2 },
  measure: {
    en: 'numbers missing among the cases that were paid, delivered, told or looked up',
    zh: '案件编号缺失，而该编号已有缴费、送达、告知或证照调用',
  },
  question: {
    en: 'Case numbers are missing under which others saw payments, deliveries, messages or certificates. Where are these cases?',
    zh: '缺失的案件编号在外部系统中已有缴费、送达、告知或证照调用记录，这些案件去向如何？',
  },
}

/** One list of references per rule, in this order. */
export const orphanRules: readonly RuleWords[] = [orphanRule, servedRule, missingRule, servedMissingRule]

/**
 * @param orphans references with the kinds of traces that were seen of each
 * @returns per rule the references it means; undefined where it cannot be judged
 */
export function orphansByRule(
  orphans: ReadonlyMap<string, ReadonlySet<string>>,
  keeper: RowKeeper,
): (string[] | undefined)[] {
  const { serial, serialPrefix } = keeper.rows
  const spans = serialSpans(serial, serialPrefix)
  const references = [...orphans.keys()]
  const served = references.filter((reference) => [...orphans.get(reference)!].some((kind) => servedKinds.has(kind)))
  const missing = spans.size === 0 ? undefined : references.filter((reference) => isAmong(reference, spans, keeper))
  return [references, served, missing, missing && served.filter((reference) => missing.includes(reference))]
}

/** Its number lies between those of the unit's own cases. */
function isAmong(reference: string, spans: ReadonlyMap<number, Span>, keeper: RowKeeper): boolean {
  const digits = /\d{1,15}$/.exec(reference)
  const span = digits && spans.get(keeper.known(reference.slice(0, digits.index)))
  return span ? Number(digits[0]) > span.low && Number(digits[0]) < span.high : false
}
