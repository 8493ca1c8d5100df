// What a report says, whatever the form it is printed in.
import { recordHash } from '#core/canonical.ts'
import type { IncidentRow, ReportKind } from '../model.ts'
import type { Rulebook } from '../rulebook/rulebook.ts'
import { beijingTime } from './prefill.ts'

export interface ReportDocument {
  title: string
  kind: ReportKind
  number: number
  /** Small lines above the table. */
  head: [label: string, value: string][]
  fields: { id: string; item: string; label: string; value: string; isMissing: boolean }[]
  /** Where it stands in law. */
  basis: string
  /** SM3 of the form: what was filed carries the same. */
  sm3: string
  madeMs: number
  isDraft: boolean
}

export interface ReportSource {
  incident: Pick<IncidentRow, 'number' | 'operator' | 'category'>
  kind: ReportKind
  form: Readonly<Record<string, string>>
  /** Set when it was filed. */
  filed?: { filedMs: number; filedBy: string; recipient: string; channel: string; dueMs: number | null } | undefined
  madeMs: number
}

const titles: Record<ReportKind, string> = {
  first: '网络安全事件报告',
  'follow-up': '网络安全事件补充报告',
  final: '网络安全事件处置总结报告',
}

export function reportDocument({ reporting }: Rulebook, source: ReportSource): ReportDocument {
  const { incident, kind, form, filed, madeMs } = source
  const operator = reporting.operators.find(({ id }) => id === incident.operator)
  const fields = reporting.form.filter(
    ({ final, onlyFor }) =>
      (kind === 'final' || !final) && (onlyFor === undefined || onlyFor.includes(incident.category ?? '')),
  )
  return {
    ...{
      title: titles[kind],
      kind,
      number: incident.number,
      madeMs,
      isDraft: filed === undefined,
      sm3: recordHash(form),
    },
    head: [
      ['事件编号', `#${incident.number}`],
      ['报告主体', operator?.zh ?? incident.operator],
      ['报送对象', filed?.recipient ?? operator?.to.zh ?? ''],
      ...(filed
        ? ([
            ['报送时间', beijingTime(filed.filedMs)],
            ['报送方式', filed.channel],
            ['报送人', filed.filedBy],
            ...(filed.dueMs === null ? [] : [['最迟时间', beijingTime(filed.dueMs)]]),
          ] as [string, string][])
        : ([['状态', '草稿，尚未报送']] as [string, string][])),
    ],
    fields: fields.map(({ id, item, zh, first, final }) => {
      const value = (form[id] ?? '').trim()
      const isAsked = kind === 'final' ? final : first
      return { id, item, label: zh, value, isMissing: value === '' && isAsked }
    }),
    basis: `依据《${reporting.name.zh}》（${reporting.issuer}，${reporting.issued} 公布，${reporting.validFrom} 起施行）`,
  }
}
