export { checkEventRules, type EventRuleCheck } from './check.ts'
export {
  createEventRules,
  type EventRuleStatus,
  type EventRules,
  type EventRulesConfig,
  type EventRulesDeps,
  eventRulesConfigSchema,
} from './engine.ts'
export type { SourceSeen } from './silence.ts'
