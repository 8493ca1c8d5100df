// Where a figure or a flag becomes a question, a task or an appeal: the form, with what it is about filled in.
import { address } from '../api.ts'

export interface Asked {
  kind?: 'question' | 'task' | 'appeal'
  kpi?: string
  period?: string
  /** Code of a city or a county. */
  place?: string | undefined
  department?: string | undefined
  /** Of the integrity checks. */
  flag?: string
}

export function askAddress({ kind, kpi, period, place, department, flag }: Asked): string {
  return address('/performance/questions', { new: '1', kind, kpi, period, city: place, department, flag })
}
