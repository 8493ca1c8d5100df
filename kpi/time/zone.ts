// The local date of an instant. Offsets are remembered per hour: zones change theirs on the hour.
export interface Zone {
  /** Days since 1970-01-01 of the local date. */
  dayOf(ms: number): number
  /** Milliseconds since local midnight. */
  sinceMidnightMs(ms: number): number
  /**
   * The instant of a local wall-clock time; of the two in autumn the first. One that the clocks leave out in spring is
   * taken by the offset before it (RFC 5545, 3.3.5): half past two becomes half past three.
   */
  instantOf(localMs: number): number
}

const msPerDay = 86_400_000
const rememberedMax = 200_000
const zones = new Map<string, Zone>()

/** @throws RangeError for a name that is no IANA time zone */
export function zoneOf(name: string): Zone {
  let zone = zones.get(name)
  if (!zone) {
    zone = createZone(name)
    zones.set(name, zone)
  }
  return zone
}

function createZone(name: string): Zone {
  const format = new Intl.DateTimeFormat('en-CA', {
    ...{ timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  } as Intl.DateTimeFormatOptions)
  const offsets = new Map<number, number>()
  const offsetOf = (ms: number): number => {
    // A quarter of an hour is the finest step at which any zone changes.
    const key = Math.floor(ms / 900_000)
    let offset = offsets.get(key)
    if (offset === undefined) {
      const at = key * 900_000
      const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
      const local = Date.UTC(
        parts['year']!,
        parts['month']! - 1,
        parts['day']!,
        parts['hour']!,
        parts['minute']!,
        parts['second']!,
      )
      offset = local - at
      if (offsets.size >= rememberedMax) offsets.clear()
      offsets.set(key, offset)
    }
    return offset
  }
  return {
    dayOf: (ms) => Math.floor((ms + offsetOf(ms)) / msPerDay),
    sinceMidnightMs: (ms) => {
      const local = ms + offsetOf(ms)
      return local - Math.floor(local / msPerDay) * msPerDay
    },
    instantOf: (localMs) => {
      // No zone is a whole day from UTC: a day back and a day on are on either side of a change.
      const before = offsetOf(localMs - msPerDay)
      const after = offsetOf(localMs + msPerDay)
      for (const offset of before > after ? [before, after] : [after, before])
        if (offsetOf(localMs - offset) === offset) return localMs - offset
      return localMs - before
    },
  }
}
