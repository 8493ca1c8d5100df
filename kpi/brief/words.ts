// The brief in Chinese: figures, states and reasons. A state that carries no figure says which one it is.
import type { Annotation } from '../annotations/annotations.ts'
import type { KpiValue, Restatement, TargetStatus, ValueState } from '../contract.ts'
import type { Definition } from '../definitions/definition.ts'
import { fromText, type Rational, subtract } from '../rational.ts'
import { firstDayOfWeek } from '../time/period.ts'
import type { Brief, Masthead } from './brief.ts'

export const defaultTitle = '数字政府绩效简报'
export const wholeProvince = '全省'
const msPerDay = 86_400_000
const chinaMs = 8 * 3_600_000
export const syntheticMark = '合成示例'
export const syntheticNote = '本期含合成办件，仅供演示，不代表任何政府部门的实际绩效。'
export const convertedNote = '本件繁体字由程序转换，名称以登记的简体为准。'

export const states: Record<ValueState, string> = {
  value: '',
  zero: '零',
  missing: '缺数据',
  'not-applicable': '不适用',
  suppressed: '样本过少',
  provisional: '暂定',
  disputed: '有争议',
}
/** A mark of its own shape for each, so that print in black says the same. */
export const statuses: Record<TargetStatus, { mark: string; word: string; colour: string }> = {
  met: { mark: '●', word: '达标', colour: '#1a7f4b' },
  near: { mark: '▲', word: '接近目标', colour: '#9a6700' },
  missed: { mark: '■', word: '未达标', colour: '#c0262d' },
  'no-target': { mark: '○', word: '无官方目标', colour: '#5b6673' },
  exempt: { mark: '◇', word: '豁免', colour: '#5b6673' },
  unknown: { mark: '△', word: '无法判断', colour: '#5b6673' },
}
export const steps = {
  rate: '各市水平',
  mix: '业务构成',
  denominator: '市的增减',
  definition: '口径变化',
  restatement: '数据重述',
} as const
const reasons: Record<string, string> = {
  adjudicated: '申诉裁定剔除',
  'claimed-closed': '仅申报销号',
  classified: '涉密',
  'default-rating': '默认好评',
  'done-at-once': '即办',
  enquiry: '咨询',
  forwarded: '转报',
  'has-situations': '有下级情形',
  'has-sub-items': '有子项',
  'legal-limit-zero': '法定时限为零',
  'may-stay': '可保留',
  'merged-away': '已合并',
  'more-than-all': '大于总量',
  'missing-value': '缺少数值',
  mixed: '线上线下混合',
  'no-deadline': '无办理期限',
  'no-legal-limit': '无法定时限',
  'no-promise': '无承诺时限',
  'not-accepted': '不予受理',
  'not-known': '未登记',
  'not-known-to-exist': '不知是否存在',
  'outside-catalogue': '不在目录内',
  'promise-longer': '承诺长于法定',
  retired: '已下线',
  'special-procedure': '特殊程序',
  supplement: '补正',
  'typed-in': '窗口补录',
  'units-differ': '时限单位不同',
  vertical: '垂管',
  withdrawn: '撤回或终止',
}
const facts: Record<Definition['fact'], string> = {
  case: '办件',
  item: '事项',
  system: '系统',
  resource: '数据类',
  certificate: '证照',
  business: '业务',
  figure: '填报数',
  cost: '费用',
  security: '安全事项',
}
export const causes: Record<Restatement['cause'], string> = {
  'late-data': '数据迟到',
  correction: '记录更正',
  definition: '口径变化',
  catalogue: '目录变化',
  calendar: '日历变化',
  adjudication: '申诉裁定',
}
export const noteKinds: Record<Annotation['kind'], string> = {
  event: '事件',
  holiday: '节假日',
  disaster: '灾害',
  'system-change': '系统变更',
  'definition-change': '口径变更',
}
const percent = { unit: '%', scale: 100n }
const plain = { unit: '', scale: 1n }
const units: Record<Definition['unit'], { unit: string; scale: bigint }> = {
  ratio: percent,
  count: plain,
  days: { unit: ' 天', scale: 1n },
  yuan: { unit: ' 元', scale: 1n },
}

/** Two decimals, half away from zero, from the exact ratio. */
export function decimalText({ n, d }: Rational, scale: bigint): string {
  const size = n < 0n ? -n : n
  const hundredths = (size * scale * 200n + d) / (2n * d)
  const text = hundredths.toString().padStart(3, '0')
  return `${n < 0n && hundredths > 0n ? '−' : ''}${text.slice(0, -2)}.${text.slice(-2)}`
}

export function figureText(value: KpiValue | null, unit: Definition['unit']): string {
  if (!value?.ratio) return value ? states[value.state] || states.missing : '无上期'
  const said = value.state === 'provisional' || value.state === 'disputed' ? `（${states[value.state]}）` : ''
  return `${decimalText(fromText(value.ratio), units[unit].scale)}${units[unit].unit}${said}`
}

export function targetText({ target }: KpiValue, unit: Definition['unit']): string {
  if (!target.ratio) return '—'
  const sign = target.direction === 'up' ? '≥ ' : '≤ '
  return `${sign}${decimalText(fromText(target.ratio), units[unit].scale)}${units[unit].unit}`
}

/** The difference of two shares is in points of a hundred, not in per cent. */
export function changeText(after: KpiValue, before: KpiValue | null, unit: Definition['unit']): string {
  if (!after.ratio || !before?.ratio) return '—'
  return signedText(subtract(fromText(after.ratio), fromText(before.ratio)), unit)
}

export function signedText(change: Rational, unit: Definition['unit']): string {
  const text = decimalText(change, units[unit].scale)
  const name = unit === 'ratio' ? ' 个百分点' : units[unit].unit
  return text === '0.00' ? `持平` : `${change.n > 0n ? '+' : ''}${text}${name}`
}

/** In a list a figure that carries nothing has a word as well. */
export function stateText(state: ValueState): string {
  return states[state] || '有数值'
}

export function reasonText(reason: string): string {
  return reasons[reason] ?? reason
}

export function factText(fact: Definition['fact']): string {
  return facts[fact]
}

/** Local time of the province, without the machine's own zone. */
export function timeText(ms: number): string {
  return `${new Date(ms + chinaMs).toISOString().slice(0, 19).replace('T', ' ')} (UTC+8)`
}

export function periodText(label: string): string {
  const monday = firstDayOfWeek(label)
  if (monday !== undefined) {
    const [first, last] = [monday, monday + 6].map((day) => new Date(day * msPerDay))
    const short = (at: Date): string => `${at.getUTCMonth() + 1} 月 ${at.getUTCDate()} 日`
    return `${label.slice(0, 4)} 年第 ${Number(label.slice(6))} 周（${short(first!)}至 ${short(last!)}）`
  }
  const [year, part, day] = label.split('-')
  if (!part) return `${year} 年`
  if (part.startsWith('Q')) return `${year} 年第 ${part[1]} 季度`
  return `${year} 年 ${Number(part)} 月${day ? ` ${Number(day)} 日` : ''}`
}

/** `2026年11月16日`, as documents date themselves. */
export function dateText(ms: number): string {
  const [year, month, day] = new Date(ms + chinaMs).toISOString().slice(0, 10).split('-')
  return `${year}年${Number(month)}月${Number(day)}日`
}

export function numberText({ number }: Pick<Masthead, 'number'>): string {
  return number ? `第${number.issue}期（总第${number.total}期）` : ''
}

/** In one line, for where there is no more room. */
export function restatedText({ restated, notes }: Brief): string {
  return [
    ...(restated.length > 0 ? [`数据更正 ${restated.length} 项`] : []),
    ...(notes.length > 0 ? [`备注 ${notes.length} 条`] : []),
  ].join('，')
}

/** Grades are by a run of the checks; of a brief that was made up for, by one that came later. */
export function gradesText({ gradedMs }: Brief): string {
  return gradedMs === null ? '' : `证据等级依 ${timeText(gradedMs)} 的核验`
}

export function stampText({ checkpoint }: Brief): string {
  return checkpoint
    ? `账本检查点 ${checkpoint.origin} · ${checkpoint.size} 条 · 根 ${checkpoint.root}`
    : '账本尚无检查点：本简报未经账本固定'
}

/** Options of the switches as chosen, in the definition's own words. */
export function switchesText({ switches }: Definition, chosen: Record<string, string>): string[] {
  return Object.entries(switches).map(([id, { name, options }]) => {
    const option = chosen[id] ?? ''
    return `${name.zh}：${options[option]?.says?.zh ?? option}`
  })
}
