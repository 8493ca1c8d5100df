// The header that network devices of China's makers put before `%%01SHELL/5/…` (Huawei VRP) and `%%10SHELL/5/…` (H3C
// Comware): no two of their documents agree on the time, many leave out the name, and relays put a header of their own
// before it. What all have in common is the mark, so it is found first and the header read backwards from it.
//
//   2026-11-24 07:59:59 usg-1 %%01…       2026-11-24 07:59:59: %%01…            Nov 24 16:22:21 2026 sw-1 %%10…
//   Nov 24 2026 07:59:59+08:00 DST usg-1 %%01…    2026 Nov 24 07:59:59 usg-1 %%01…    %Nov 24 07:59:59:123 2026 sw-1 SHELL/5/…
//   Nov 24 07:59:59 192.0.2.1 2026-11-24 07:59:59 usg-1 %%01…    the relay's own first
export interface DeviceHeader {
  /** As the device's clock shows it, read as if it were UTC; undefined: it names no time. */
  wallMs: number | undefined
  /** East of UTC; undefined: it names no zone. */
  offsetMinutes: number | undefined
  /** Empty when it names none. */
  host: string
  /** Where the mark begins. */
  messageAt: number
}

const headChars = 512
const level = /\/[0-7]\//
const priority = /^<\d{1,3}>/
/** Module, level, message. Without `%%` only what Comware's console and VRP's traps write. */
const mark =
  /(?:^|[ :])(?:%%(?:\d\d)? ?[\w-]{1,40}\/[0-7]\/[\w-]|[A-Z][A-Z0-9_]{1,31}\/[0-7]\/[A-Z][A-Z0-9_]{2,63}(?:\([a-z]\))?(?:\[\d{1,10}\])?:)/
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const clock = '(\\d{1,2}):(\\d\\d):(\\d\\d)(?:[.,:](\\d{1,6}))?'
const zone = '(?: ?(Z|UTC|[+-]\\d\\d:?\\d\\d))?(?: DST)?'
const numeric = new RegExp(`(\\d{4})[-/](\\d{1,2})[-/](\\d{1,2})[T ]${clock}${zone}(?=[ :]|$)`, 'g')
const named = new RegExp(
  `(?:(\\d{4}) )?([A-Z][a-z]{2}) {1,2}(\\d{1,2})(?: (\\d{4}))? ${clock}${zone}(?: (\\d{4}))?(?=[ :]|$)`,
  'g',
)

/** @returns undefined when the text is of no such device */
export function readDeviceHeader(text: string, from: number, nowMs: number): DeviceHeader | undefined {
  const begin = from + (priority.exec(text.slice(from, from + 5))?.[0].length ?? 0)
  const head = text.slice(begin, begin + headChars)
  // Most lines are of no such device, and cost one short search.
  if (!level.test(head)) return undefined
  const found = mark.exec(head)
  if (!found) return undefined
  const at = found.index + (/[ :]/.test(found[0].charAt(0)) ? 1 : 0)
  const before = head.slice(0, at)
  const time = lastTime(before, nowMs)
  // `%%` says enough by itself; a module and a level between other words do not.
  if (!time && !head.startsWith('%%', at)) return undefined
  const words = before.slice(time?.end ?? 0).match(/[^\s:]\S*/g) ?? []
  if (!head.startsWith('%%', at) && (words.length !== 1 || words[0]!.endsWith(':'))) return undefined
  // An address before the name is the relay's; numbers behind it are the console's and the level.
  const host = words.find((word) => !/^[\d.]+$/.test(word)) ?? words[0] ?? ''
  return {
    ...{ wallMs: time?.wallMs, offsetMinutes: time?.offsetMinutes },
    ...{ host: host.replace(/:$/, ''), messageAt: begin + at },
  }
}

interface Time {
  wallMs: number
  offsetMinutes: number | undefined
  end: number
}

/** The device's own stands behind the relay's. */
function lastTime(text: string, nowMs: number): Time | undefined {
  let last: Time | undefined
  for (const m of text.matchAll(numeric)) {
    const [whole, year, month, day, hour, minute, second, fraction, shift] = m
    const wallMs = wall(+year!, +month! - 1, +day!, [+hour!, +minute!, +second!], fraction)
    if (wallMs !== undefined) last = { wallMs, offsetMinutes: minutesOf(shift), end: m.index + whole.length }
  }
  for (const m of text.matchAll(named)) {
    const [whole, first, name, day, second, hour, minute, seconds, fraction, shift, third] = m
    const month = months.indexOf(name!)
    const end = m.index + whole.length
    if (month < 0 || (last && last.end > end)) continue
    const at = (year: number) => wall(year, month, +day!, [+hour!, +minute!, +seconds!], fraction)
    const given = first ?? second ?? third
    const thisYear = new Date(nowMs).getUTCFullYear()
    // The year that is missing is the one that brings the time closest to now without passing it by more than a day.
    const years = given ? [+given] : [thisYear + 1, thisYear, thisYear - 1]
    const times = years.map(at)
    const wallMs = times.find((ms) => ms !== undefined && ms <= nowMs + 86_400_000 * (given ? 36_500 : 1))
    if (wallMs !== undefined) last = { wallMs, offsetMinutes: minutesOf(shift), end }
  }
  return last
}

function wall(
  year: number,
  month: number,
  day: number,
  [hour, minute, second]: readonly [number, number, number],
  fraction = '0',
): number | undefined {
  if (month < 0 || month > 11 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return undefined
  return Date.UTC(year, month, day, hour, minute, second, Math.floor(Number(`0.${fraction}`) * 1000))
}

function minutesOf(shift: string | undefined): number | undefined {
  if (shift === undefined) return undefined
  if (shift === 'Z' || shift === 'UTC') return 0
  const minutes = Number(shift.slice(1, 3)) * 60 + Number(shift.slice(-2))
  return shift.startsWith('-') ? -minutes : minutes
}
