// Titles and labels carry what senders wrote. Before they reach the database they are bounded and made storable:
// PostgreSQL's text refuses NUL, its jsonb also half of a surrogate pair, and one refused row would hold up its batch.
import { type Evidence, type Finding, severities } from '#core/finding.ts'

export const findingLimits = {
  titleCharsMax: 500,
  descriptionCharsMax: 10_000,
  labelsMax: 64,
  labelCharsMax: 1024,
  annotationCharsMax: 4096,
  entitiesMax: 50,
  eventIdsMax: 20,
  queryCharsMax: 10_000,
} as const

/** Durations beyond this are taken for it: a year. */
const durationMsMax = 366 * 86_400_000

export function boundFinding(finding: Finding, nowMs: number): Finding {
  const limits = findingLimits
  return {
    rule: storable(finding.rule, limits.labelCharsMax),
    title: storable(finding.title, limits.titleCharsMax),
    description: storable(finding.description, limits.descriptionCharsMax),
    severity: severities.includes(finding.severity) ? finding.severity : 'medium',
    state: finding.state,
    labels: storableMap(finding.labels, limits.labelCharsMax),
    annotations: storableMap(finding.annotations, limits.annotationCharsMax),
    // A sender's clock may be ahead; nothing was seen in the future, and a last-seen time there would hide what comes next.
    atMs: Number.isFinite(finding.atMs) ? Math.min(Math.round(finding.atMs), nowMs) : nowMs,
    forMs: duration(finding.forMs),
    resolveAfterMs: duration(finding.resolveAfterMs),
    entities: finding.entities.slice(0, limits.entitiesMax).map((id) => storable(id, limits.labelCharsMax)),
    evidence: boundEvidence(finding.evidence, nowMs),
  }
}

function boundEvidence(evidence: Evidence, nowMs: number): Evidence {
  return {
    query: storable(evidence.query, findingLimits.queryCharsMax),
    language: evidence.language,
    fromMs: Number.isFinite(evidence.fromMs) ? Math.round(evidence.fromMs) : nowMs,
    toMs: Number.isFinite(evidence.toMs) ? Math.round(evidence.toMs) : nowMs,
    eventIds: evidence.eventIds
      .slice(0, findingLimits.eventIdsMax)
      .map((id) => storable(id, findingLimits.labelCharsMax)),
    value: finite(evidence.value),
    threshold: finite(evidence.threshold),
  }
}

function storableMap(map: Record<string, string>, charsMax: number): Record<string, string> {
  // Sorted, so that which labels are kept does not depend on the order in which they came.
  const names = Object.keys(map).sort().slice(0, findingLimits.labelsMax)
  return Object.fromEntries(names.map((name) => [storable(name, charsMax), storable(String(map[name]), charsMax)]))
}

function storable(text: string, charsMax: number): string {
  const cut = text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text
  return cut.toWellFormed().replaceAll('\0', '\uFFFD')
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null
}

function duration(durationMs: number): number {
  return Number.isFinite(durationMs) ? Math.min(Math.max(Math.round(durationMs), 0), durationMsMax) : 0
}
