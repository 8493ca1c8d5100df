// Every table, one file per area.
export * from './alerts.ts'
export * from './audit.ts'
export * from './entities.ts'
export * from './kpi.ts'
export * from './kpi-integrity.ts'
export * from './people.ts'
export * from './rule-settings.ts'
export * from './silences.ts'
