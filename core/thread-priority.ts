// The main thread answers senders and people; other threads of ours take what it leaves of the processor.
import { getPriority, setPriority } from 'node:os'

/** Between equals a thread so much nicer gets a quarter of a processor that both want. */
const nicerBy = 5
const nicestOfAll = 19

/** To be called on the thread that steps back, before it starts threads of its own. */
export function yieldToOtherThreads(): void {
  // Linux alone counts threads one by one; elsewhere this would slow the whole process.
  if (process.platform !== 'linux') return
  try {
    setPriority(Math.min(nicestOfAll, getPriority() + nicerBy))
  } catch {
    // A service manager may forbid it: then all are equal, which is no fault.
  }
}
