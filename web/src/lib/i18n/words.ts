// Every word of the ops centre in both languages: one pair of lists per area, joined here.

import { alertHistoryEn } from './alert-history.en.ts'
import { alertHistoryZh } from './alert-history.zh.ts'
import { behaviourEn } from './behaviour.en.ts'
import { behaviourZh } from './behaviour.zh.ts'
import { briefsEn } from './briefs.en.ts'
import { briefsZh } from './briefs.zh.ts'
import { findingsEn } from './findings.en.ts'
import { findingsZh } from './findings.zh.ts'
import { incidentsEn } from './incidents.en.ts'
import { incidentsZh } from './incidents.zh.ts'
import { integrityEn } from './integrity.en.ts'
import { integrityZh } from './integrity.zh.ts'
import { kpiEn } from './kpi.en.ts'
import { kpiZh } from './kpi.zh.ts'
import { kpiChoicesEn } from './kpi-choices.en.ts'
import { kpiChoicesZh } from './kpi-choices.zh.ts'
import { kpiWorkEn } from './kpi-work.en.ts'
import { kpiWorkZh } from './kpi-work.zh.ts'
import { metricRulesEn } from './metric-rules.en.ts'
import { metricRulesZh } from './metric-rules.zh.ts'
import { notificationsEn } from './notifications.en.ts'
import { notificationsZh } from './notifications.zh.ts'
import { postureEn } from './posture.en.ts'
import { postureZh } from './posture.zh.ts'
import { scorecardEn } from './scorecard.en.ts'
import { scorecardZh } from './scorecard.zh.ts'
import { securityEn } from './security.en.ts'
import { securityZh } from './security.zh.ts'
import { securityRulesEn } from './security-rules.en.ts'
import { securityRulesZh } from './security-rules.zh.ts'
import { sensitiveEn } from './sensitive.en.ts'
import { sensitiveZh } from './sensitive.zh.ts'
import { sharedEn } from './shared.en.ts'
import { sharedZh } from './shared.zh.ts'
import { wallEn } from './wall.en.ts'
import { wallZh } from './wall.zh.ts'

export const en = {
  ...sharedEn,
  ...alertHistoryEn,
  ...findingsEn,
  ...incidentsEn,
  ...behaviourEn,
  ...briefsEn,
  ...integrityEn,
  ...kpiEn,
  ...kpiChoicesEn,
  ...kpiWorkEn,
  ...metricRulesEn,
  ...notificationsEn,
  ...postureEn,
  ...scorecardEn,
  ...securityEn,
  ...securityRulesEn,
  ...sensitiveEn,
  ...wallEn,
} as const

export const zh: Record<keyof typeof en, string> = {
  ...sharedZh,
  ...alertHistoryZh,
  ...findingsZh,
  ...incidentsZh,
  ...behaviourZh,
  ...briefsZh,
  ...integrityZh,
  ...kpiZh,
  ...kpiChoicesZh,
  ...kpiWorkZh,
  ...metricRulesZh,
  ...notificationsZh,
  ...postureZh,
  ...scorecardZh,
  ...securityZh,
  ...securityRulesZh,
  ...sensitiveZh,
  ...wallZh,
}
