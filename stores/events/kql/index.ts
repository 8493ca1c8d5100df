export { compileKql, type EventMatcher } from './match.ts'
export { parseKql } from './parse.ts'
export { type SqlCondition, sqlOf } from './sql.ts'
