// A generated province: 250,000 items in 5,900 units, cases of a month.
import { seededRandom } from '#core/random.ts'
import { emptyCase } from '#kpi/cases/case-record.ts'
import type { CaseRecord } from '#kpi/contract.ts'

export const wanted = { perMonth: 11_000_000, night: 366_667, open: 1_100_000, months: 36 }
export const [items, units] = [250_000, 5900]
const day = 86_400_000

export interface Made {
  /** @param month how many before October 2026 */
  case(month: number, id?: number): CaseRecord
  readonly count: number
  random(): number
}

/** @param openShare of cases that are not closed */
export function makeProvince(seed: number, openShare = 0): Made {
  const random = seededRandom(seed)
  let serial = 0
  return {
    case: (month, id = ++serial) => {
      const item = Math.floor(random.next() * items)
      const unit = item % units
      const openedMs = Date.UTC(2026, 9 - month, 1 + Math.floor(random.next() * 20), 2)
      const channel = random.next() < 0.7 ? 'web' : 'window'
      const region = `44${String(1 + (unit % 21)).padStart(2, '0')}${String(unit % 7).padStart(2, '0')}`
      const isOpen = openShare > 0 && random.next() < openShare
      const closedMs = openedMs + Math.floor(random.next() * 8) * day
      return {
        ...emptyCase(),
        ...{ id: `c${id}`, item: `i${item}`, department: `u${unit}`, region, category: `k${item % 9}`, channel },
        ...{ openedMs, acceptedMs: openedMs, closedMs: isOpen ? null : closedMs, dueMs: openedMs + 6 * day },
        outcome: isOpen ? null : 'granted',
        steps: [{ name: 's', channel, channelRaw: '', atMs: openedMs, actor: '' }],
      }
    },
    get count() {
      return serial
    },
    random: () => random.next(),
  }
}
