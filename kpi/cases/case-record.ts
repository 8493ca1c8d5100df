// Filling a case from what a mapping reads: each field knows what it takes.
import { type CaseRecord, type Channel, channels, type Outcome, outcomes } from '#stores/cases/case.ts'
import { FieldProblem, type FieldValue } from './read-field.ts'

export function emptyCase(): CaseRecord {
  return {
    ...{
      id: '',
      version: 1,
      source: '',
      region: '',
      department: '',
      item: '',
      category: '',
      handler: '',
      applicant: '',
    },
    ...{
      channel: 'other',
      channelRaw: '',
      openedMs: null,
      acceptedMs: null,
      closedMs: null,
      dueMs: null,
      plannedMs: null,
    },
    ...{ outcome: null, withdrawnRecord: false, returnedByPost: null },
    ...{ steps: [], stops: [], certificates: [], ratings: [], traces: [], extra: {} },
  }
}

const texts = [
  'id',
  'source',
  'region',
  'department',
  'item',
  'category',
  'handler',
  'applicant',
  'channelRaw',
] as const
const times = ['openedMs', 'acceptedMs', 'closedMs', 'dueMs', 'plannedMs'] as const
const booleans = ['withdrawnRecord', 'returnedByPost'] as const
const idCharsMax = 256
const textCharsMax = 4096

export const mappableCaseFields: readonly string[] = [
  ...texts,
  ...times,
  ...booleans,
  'version',
  'channel',
  'outcome',
  'grade',
]

/** @throws FieldProblem */
export function setCaseField(record: CaseRecord, name: string, value: FieldValue): void {
  if (value === null) return
  if (name.startsWith('extra.')) {
    record.extra[name.slice(6)] = String(value).slice(0, textCharsMax)
    return
  }
  if (includes(texts, name)) {
    const text = String(value)
    if (name === 'id' && text.length > idCharsMax)
      throw new FieldProblem(`id: longer than ${idCharsMax} characters`, 'Is the right column mapped?')
    record[name] = text.slice(0, textCharsMax)
  } else if (includes(times, name)) {
    if (typeof value !== 'number')
      throw new FieldProblem(`${name}: it was not read as a time`, 'Give `time` in the mapping.')
    record[name] = value
  } else if (includes(booleans, name)) {
    if (typeof value !== 'boolean')
      throw new FieldProblem(`${name}: it was not read as yes or no`, 'Give `type: boolean` in the mapping.')
    if (name === 'withdrawnRecord') record.withdrawnRecord = value
    else record.returnedByPost = value
  } else if (name === 'version') {
    const version = /^\d{1,15}$/.test(String(value)) ? Number(value) : 0
    if (version < 1)
      throw new FieldProblem(`version: "${String(value).slice(0, 40)}" is no number from 1`, 'Count versions from 1.')
    record.version = version
  } else if (name === 'channel') {
    if (!includes(channels, String(value)))
      throw new FieldProblem(
        `channel: "${String(value).slice(0, 40)}" is none of ${channels.join(', ')}`,
        'Translate it with `map`.',
      )
    record.channel = String(value) as Channel
  } else if (name === 'outcome') {
    if (!includes(outcomes, String(value)))
      throw new FieldProblem(
        `outcome: "${String(value).slice(0, 40)}" is none of ${outcomes.join(', ')}`,
        'Translate it with `map`.',
      )
    record.outcome = String(value) as Outcome
  } else if (name === 'grade') {
    const grade = Number(value)
    if (![1, 2, 3, 4, 5].includes(grade))
      throw new FieldProblem(`grade: "${String(value).slice(0, 40)}" is none of 1 to 5`, 'Translate it with `map`.')
    record.ratings.push({ grade, atMs: record.closedMs ?? record.openedMs ?? 0, channel: '', isDefault: false })
  } else
    throw new FieldProblem(
      `a case has no field "${name}"`,
      `Use extra.${name}, or one of ${mappableCaseFields.join(', ')}.`,
    )
}

function includes<T extends string>(list: readonly T[], name: string): name is T {
  return (list as readonly string[]).includes(name)
}
