// Closings at round times that come after the answer to the applicant. Clocks that differ shift all answers of a unit alike, so
// that its closings at other times say how early an answer can be.
import { noHabits } from './habits.ts'
import type { UnitRows } from './unit-rows.ts'

const msPerMinute = 60_000
const roundMs = 5 * msPerMinute
/** Of answers to other closings so many are earlier; what is earlier by more, and by minutes, is not a clock. */
const earliest = 0.02
const earlierMs = msPerMinute
/** Who types rounds by half an hour at most; what is earlier by more is asked about anyway. */
const roundedMaxMs = 60 * msPerMinute

/** A round time, and an answer before it: a bit each. */
export function roundedPastAnswer({ length, closedMs, answeredMs }: UnitRows): Uint8Array {
  const habits = new Uint8Array(length).fill(noHabits)
  const leads: number[] = []
  for (let i = 0; i < length; i++) {
    const lead = closedMs[i]! - answeredMs[i]!
    if (closedMs[i]! % roundMs !== 0 && lead < roundedMaxMs) leads.push(lead)
  }
  leads.sort((a, b) => b - a)
  const usual = Math.max(0, leads[Math.floor(leads.length * earliest)] ?? 0) + earlierMs
  for (let i = 0; i < length; i++) {
    const lead = closedMs[i]! - answeredMs[i]!
    if (lead <= roundedMaxMs) habits[i] = Number(closedMs[i]! % roundMs === 0) + 2 * Number(lead > usual)
  }
  return habits
}
