// Every word of the ops centre in both languages: one pair of lists per area, joined here.
import { kpiEn } from './kpi.en.ts'
import { kpiZh } from './kpi.zh.ts'
import { securityRulesEn } from './security-rules.en.ts'
import { securityRulesZh } from './security-rules.zh.ts'
import { sharedEn } from './shared.en.ts'
import { sharedZh } from './shared.zh.ts'

export const en = {
  ...sharedEn,
  ...kpiEn,
  ...securityRulesEn,
} as const

export const zh: Record<keyof typeof en, string> = {
  ...sharedZh,
  ...kpiZh,
  ...securityRulesZh,
}
