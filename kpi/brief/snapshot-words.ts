// The words of the snapshot in both languages; traditional characters are made of the Chinese ones.

import type { Annotation } from '../annotations/annotations.ts'
import type { Step } from '../board/waterfall.ts'
import type { Restatement, TargetStatus, ValueState } from '../contract.ts'
import { causes, defaultTitle, noteKinds, reasonText, states, statuses, steps, wholeProvince } from './words.ts'

export interface SnapshotWords {
  states: Record<ValueState, string>
  statuses: Record<TargetStatus, string>
  steps: Record<Step['kind'], string>
  reason(reason: string): string
  title: string
  wholeProvince: string
  points: string
  same: string
  columns: {
    indicator: string
    value: string
    target: string
    status: string
    grade: string
    before(label: string): string
    change: string
    city: string
    department: string
    rank: string
    parts: string
    count: string
    excluded: string
  }
  asOf: string
  knownAt: string
  catalogue(version: number): string
  number(issue: number, total: number): string
  synthetic: string
  overview: string
  why: string
  none: string
  places(count: number): string
  tied: string
  unnamed: string
  definition: string
  asData: string
  version: string
  calendar: string
  targetSource: string
  verify: string
  howTo: string
  noCheckpoint: string
  cut: string
  separator: string
  colon: string
  graded(time: string): string
  causes: Record<Restatement['cause'], string>
  noteKinds: Record<Annotation['kind'], string>
  beside: {
    title: string
    noRestated: string
    noNotes: string
    everyIndicator: string
    exempt(count: number): string
    people(by: string, approved: readonly string[]): string
    restatedHead: readonly string[]
    notesHead: readonly string[]
  }
}

export const zh: SnapshotWords = {
  states,
  statuses: Object.fromEntries(Object.entries(statuses).map(([status, { word }]) => [status, word])) as Record<
    TargetStatus,
    string
  >,
  steps,
  reason: reasonText,
  title: defaultTitle,
  wholeProvince,
  points: ' 个百分点',
  same: '持平',
  columns: {
    indicator: '指标',
    value: '本期',
    target: '目标',
    status: '状态',
    grade: '证据',
    before: (label) => `上期 ${label}`,
    change: '较上期',
    city: '城市',
    department: '部门',
    rank: '名次',
    parts: '分子 / 分母',
    count: '总体',
    excluded: '排除',
  },
  asOf: '数据时点',
  knownAt: '知悉时点',
  catalogue: (version) => `目录第 ${version} 版`,
  number: (issue, total) => `第${issue}期（总第${total}期）`,
  synthetic: '合成示例：本期含合成办件，仅供演示，不代表任何政府部门的实际绩效。',
  overview: '总览',
  why: '变动原因',
  none: '无',
  places: (count) => `各市与部门（${count}）`,
  tied: '并',
  unnamed: '未标明',
  definition: '口径',
  asData: '定义原文',
  version: '版本',
  calendar: '日历',
  targetSource: '目标依据',
  verify: '如何核验',
  howTo:
    '下为账本检查点及其签名。在观澜所在机器上导出证据包，在任何一台不联网的机器上核验；检查点须与本页一致，或由一致性证明接续。',
  noCheckpoint: '账本尚无检查点：本页未经账本固定。',
  cut: '为控制文件大小，未收入部门数值。',
  separator: '；',
  colon: '：',
  graded: (time) => `证据等级依 ${time} 的核验`,
  causes,
  noteKinds,
  beside: {
    title: '数据更正与备注',
    noRestated: '本期和上期没有数据更正。',
    noNotes: '没有备注。',
    everyIndicator: '各项指标',
    exempt: (count) => `，剔除 ${count} 件`,
    people: (by, approved) => `提请 ${by}，批准 ${approved.join('、')}`,
    restatedHead: ['指标', '原数值', '现数值', '原因与批准'],
    notesHead: ['时间', '类型', '涉及', '备注'],
  },
}

export const en: SnapshotWords = {
  states: {
    value: '',
    zero: 'zero',
    missing: 'no data',
    'not-applicable': 'not applicable',
    suppressed: 'too few',
    provisional: 'provisional',
    disputed: 'disputed',
  },
  statuses: {
    met: 'met',
    near: 'near target',
    missed: 'missed',
    'no-target': 'no official target',
    exempt: 'exempt',
    unknown: 'unknown',
  },
  steps: {
    rate: 'level of the cities',
    mix: 'mix',
    denominator: 'cities that came or went',
    definition: 'definition',
    restatement: 'restatement',
  },
  reason: (reason) => reason.replaceAll('-', ' '),
  title: 'Digital government: performance brief',
  wholeProvince: 'the whole province',
  points: ' points',
  same: 'unchanged',
  columns: {
    indicator: 'Indicator',
    value: 'This period',
    target: 'Target',
    status: 'Status',
    grade: 'Evidence',
    before: (label) => `Before (${label})`,
    change: 'Change',
    city: 'City',
    department: 'Department',
    rank: 'Rank',
    parts: 'Numerator / denominator',
    count: 'Population',
    excluded: 'Excluded',
  },
  asOf: 'As of',
  knownAt: 'known at',
  catalogue: (version) => `catalogue version ${version}`,
  number: (issue, total) => `No. ${issue} (${total} of all)`,
  synthetic: 'Synthetic example: some cases of this period are made up, and say nothing of any real department.',
  overview: 'At a glance',
  why: 'Why it moved',
  none: 'none',
  places: (count) => `Cities and departments (${count})`,
  tied: ' tied',
  unnamed: 'not stated',
  definition: 'Definition',
  asData: 'The definition as data',
  version: 'version',
  calendar: 'calendar',
  targetSource: 'Target after',
  verify: 'How to verify',
  howTo:
    "Below is the ledger's checkpoint with its signatures. Export the evidence on the machine of the observatory and verify it on any machine without a network; its checkpoint is this one, or a consistency proof goes on from it.",
  noCheckpoint: 'The ledger has no checkpoint yet: this page is not fixed by it.',
  cut: 'Figures of departments were left out to keep the file small.',
  separator: '; ',
  colon: ': ',
  graded: (time) => `grades by the checks of ${time}`,
  causes: {
    'late-data': 'Late data',
    correction: 'Corrected records',
    definition: 'Definition',
    catalogue: 'Catalogue',
    calendar: 'Calendar',
    adjudication: 'Appeal upheld',
  },
  noteKinds: {
    event: 'Event',
    holiday: 'Holiday',
    disaster: 'Disaster',
    'system-change': 'System change',
    'definition-change': 'Definition change',
  },
  beside: {
    title: 'Restated figures and notes',
    noRestated: 'No figure of this period or the one before was restated.',
    noNotes: 'There are no notes.',
    everyIndicator: 'every indicator',
    exempt: (count) => `, ${count} cases taken out`,
    people: (by, approved) => `proposed by ${by}, approved by ${approved.join(', ')}`,
    restatedHead: ['Indicator', 'Was', 'Is', 'Why and by whom'],
    notesHead: ['Days', 'Kind', 'About', 'Note'],
  },
}
