// What the observatory knows already goes into the form; what a person wrote stays. Nothing is invented: impact, trend and
// accountability are for people.
import type { incidentEvidence, incidentSteps } from '#stores/state/schema/incident-work.ts'
import type { HeldAlert } from '../facts.ts'
import type { IncidentRow } from '../model.ts'
import type { KnownEntity } from '../queries/hit.ts'
import type { Rulebook } from '../rulebook/rulebook.ts'

export interface Material {
  incident: IncidentRow
  known: ReadonlyMap<string, KnownEntity>
  alerts: readonly HeldAlert[]
  steps: readonly (typeof incidentSteps.$inferSelect)[]
  evidence: readonly (typeof incidentEvidence.$inferSelect)[]
}

const namedMax = 30
const beijing = new Intl.DateTimeFormat('zh-CN', {
  ...{ timeZone: 'Asia/Shanghai', year: 'numeric', month: '2-digit', day: '2-digit' },
  ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false },
})

/** 2026年11月25日18时03分00秒（北京时间） */
export function beijingTime(atMs: number): string {
  const part = Object.fromEntries(beijing.formatToParts(atMs).map(({ type, value }) => [type, value]))
  return `${part['year']}年${part['month']}月${part['day']}日${part['hour']}时${part['minute']}分${part['second']}秒（北京时间）`
}

export function prefilled(
  { incident, known, alerts, steps, evidence }: Material,
  { rulebook, organisation }: { rulebook: Rulebook; organisation: string },
): Record<string, string> {
  const kind = rulebook.kinds.get(incident.category ?? '')
  const grade = rulebook.grading.grades.find(({ id }) => id === incident.grade)
  const places = [...known.values()]
  const done = steps
    .filter(({ state }) => state === 'done')
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ playbook, step, by, atMs, note }) => {
      const found = rulebook.playbooks.find(({ id }) => id === playbook)?.steps.find(({ id }) => id === step)
      return `${found?.do.zh ?? step}（${by}，${beijingTime(atMs)}）${note ? `：${note}` : ''}`
    })
    .join('\n')
  const sources = unique(alerts.flatMap(({ labels }) => labels['source.ip'] ?? []))
  const guess: Record<string, string> = {
    unit: organisation,
    systems: incident.entities
      .slice(0, namedMax)
      .map((id) => {
        const entity = known.get(id)
        const level = entity && entity.protectionLevel > 0 ? `等保${entity.protectionLevel}级` : ''
        const about = [entity?.department ?? '', level].filter((one) => one !== '').join('，')
        return about === '' ? id : `${id}（${about}）`
      })
      .join('、'),
    time: `发现：${beijingTime(incident.discoveredMs)}；最早迹象：${beijingTime(incident.startedMs)}`,
    place: unique(places.map(({ region, department }) => [region, department].filter(Boolean).join(' '))).join('；'),
    type: kind ? `${kind.category.zh}：${kind.zh}${kind.code ? `（${kind.code}）` : ''}` : '',
    grade: grade ? `${grade.zh}（${grade.roman}级）` : '',
    measures: done,
    trace: sources.length === 0 ? '' : `来源地址：${sources.slice(0, namedMax).join('、')}`,
    scene:
      evidence.length === 0
        ? ''
        : `已固定证据 ${evidence.length} 份：\n${evidence
            .slice(0, namedMax)
            .map(({ name, sha256 }) => `${name}，SHA-256 ${sha256}`)
            .join('\n')}`,
    cause: incident.cause,
    response: done,
    lessons: incident.lessons,
  }
  return Object.fromEntries(rulebook.reporting.form.map(({ id }) => [id, incident.form[id] || guess[id] || '']))
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].filter((one) => one !== '')
}
