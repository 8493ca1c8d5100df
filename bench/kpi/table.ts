// What was measured, as one table: the wall, the processor, and what follows for a province from it.
import { systemClock } from '#core/clock.ts'
import { type Ticks, watchTicks } from './ticks.ts'

export interface Timed<T> {
  result: T
  wallMs: number
  cpuMs: number
  /** The longest stretch between two turns of the event loop. */
  longest: Ticks
}

export async function timed<T>(work: () => T | Promise<T>): Promise<Timed<T>> {
  const ticks = watchTicks()
  const cpu = process.cpuUsage()
  const from = systemClock.monotonicMs()
  const result = await work()
  const { user, system } = process.cpuUsage(cpu)
  return {
    result,
    wallMs: systemClock.monotonicMs() - from,
    cpuMs: (user + system) / 1000,
    longest: ticks.stop(),
  }
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
export const milliseconds = (ms: number): string => `${ms.toFixed(0)} ms`
/** Both clocks: others on the machine lengthen the first and not the second. */
export const took = ({ wallMs, cpuMs }: Pick<Timed<unknown>, 'wallMs' | 'cpuMs'>): string =>
  `${seconds(wallMs)} (${seconds(cpuMs)} of processor)`
export const turn = ({ longest }: Pick<Timed<unknown>, 'longest'>): string =>
  `longest turn ${milliseconds(longest.wallMs)} (${milliseconds(longest.cpuMs)} of processor)`

export function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!
}

export class Table {
  #rows: { what: string; measured: string; extrapolated: string; mark: string }[] = []

  say(what: string, measured: string, extrapolated = '', mark = ''): void {
    this.#rows.push({ what, measured, extrapolated, mark })
    console.log(`${what}: ${measured} ${extrapolated}`)
  }

  /** As it stands in docs/benchmarks.md. */
  print(): void {
    const names = ['what', 'measured', 'extrapolated', 'mark'] as const
    const wide = names.map((name) => Math.max(name.length, ...this.#rows.map((row) => row[name].length)))
    const line = (cells: readonly string[]): string =>
      `| ${cells.map((cell, i) => cell.padEnd(wide[i]!)).join(' | ')} |`
    console.log(`\n${line(names)}\n${line(wide.map((width) => '-'.repeat(width)))}`)
    for (const row of this.#rows) console.log(line(names.map((name) => row[name])))
  }
}
