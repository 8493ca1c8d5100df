// What a brief says beside its figures: what was said otherwise since, and what happened. Each as the parts that paper,
// workbook and page put together in their own way.
import type { NoteOfCell } from '../annotations/annotations.ts'
import type { KpiValue } from '../contract.ts'
import type { Definition } from '../definitions/definition.ts'
import type { StoredRestatement } from '../restatements.ts'
import type { Brief } from './brief.ts'

/** More are in the product. */
export const besideMax = 60

export interface RestatedLine {
  restatement: StoredRestatement
  /** undefined: an indicator that is not of the six. */
  unit: Definition['unit']
  name: Definition['name']
  city: string
  department: string
}

export interface NoteLine {
  note: NoteOfCell
  from: string
  to: string
  name: Definition['name'] | null
  city: string
  department: string
}

export function restatedLines(brief: Brief): RestatedLine[] {
  return brief.restated.slice(0, besideMax).map((restatement) => {
    const { kpi, dimensions } = restatement.after
    const { name, unit } = definitionOf(brief, kpi)
    const place = dimensions['region'] ?? dimensions['city'] ?? ''
    return {
      restatement,
      name,
      unit,
      city: placeName(brief, place),
      department: departmentName(brief, dimensions['department']),
    }
  })
}

export function noteLines(brief: Brief): NoteLine[] {
  return brief.notes.slice(0, besideMax).map((note) => ({
    ...{ note, from: dateOf(note.fromDay), to: dateOf(note.toDay) },
    name: note.kpi === '' ? null : definitionOf(brief, note.kpi).name,
    ...{ city: placeName(brief, note.region), department: departmentName(brief, note.department) },
  }))
}

/** Both numbers that a figure is the quotient of, as they were counted. */
export function partsText({ numerator, denominator }: KpiValue): string {
  return numerator === null || denominator === null ? '—' : `${numerator} / ${denominator}`
}

export function departmentName({ departmentNames }: Brief, id: string | undefined): string {
  return id === undefined ? '' : (departmentNames.get(id) ?? id)
}

function placeName({ cityNames }: Brief, code: string): string {
  return cityNames.get(code.slice(0, 4)) !== undefined && code.length > 4
    ? `${cityNames.get(code.slice(0, 4))} ${code}`
    : (cityNames.get(code) ?? code)
}

function definitionOf({ definitions }: Brief, id: string): Pick<Definition, 'name' | 'unit'> {
  return definitions.get(id) ?? { name: { en: id, zh: id }, unit: 'ratio' }
}

function dateOf(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10)
}
