// An incident: alerts that are one story, with people, a timeline and a clock.
import type { incidents } from '#stores/state/schema/incident-work.ts'

export type { Assessment, Bilingual } from '#stores/state/schema/incident-work.ts'

/** In the order of the work; each may be left out but the last, which needs cause and lessons. */
export const incidentStates = ['new', 'triaged', 'contained', 'eradicated', 'recovered', 'closed'] as const
export type IncidentState = (typeof incidentStates)[number]

/** Worst first. */
export const grades = ['extreme', 'major', 'larger', 'general'] as const
export type Grade = (typeof grades)[number]

export const dispositions = ['real', 'false-positive', 'harmless'] as const
export type Disposition = (typeof dispositions)[number]

export const reportKinds = ['first', 'follow-up', 'final'] as const
export type ReportKind = (typeof reportKinds)[number]

export type IncidentRow = typeof incidents.$inferSelect

/** The worse of two; undefined is not known. */
export function worse(a: Grade | undefined, b: Grade | undefined): Grade | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return grades.indexOf(a) <= grades.indexOf(b) ? a : b
}

export function isAtLeast(grade: Grade, floor: Grade): boolean {
  return grades.indexOf(grade) <= grades.indexOf(floor)
}
