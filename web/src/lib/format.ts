// Numbers, times and sizes as people of each language read them. A thin space stands between number and unit.
import { i18n } from './i18n/index.svelte.ts'

const thin = '\u2009'

const isZh = (): boolean => i18n.language === 'zh'

export function count(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–'
  const size = Math.abs(value)
  if (isZh()) {
    if (size >= 1e8) return `${trim(value / 1e8)}${thin}亿`
    if (size >= 1e4) return `${trim(value / 1e4)}${thin}万`
  } else {
    if (size >= 1e9) return `${trim(value / 1e9)}${thin}B`
    if (size >= 1e6) return `${trim(value / 1e6)}${thin}M`
    if (size >= 1e4) return `${trim(value / 1e3)}${thin}k`
  }
  return Number.isInteger(value) ? value.toLocaleString('en-US') : trim(value)
}

export function exact(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 })
}

function trim(value: number): string {
  const size = Math.abs(value)
  const text = value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 4)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

export function bytes(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const power = value === 0 ? 0 : Math.min(byteUnits.length - 1, Math.floor(Math.log2(Math.abs(value)) / 10))
  return `${trim(value / 1024 ** Math.max(0, power))}${thin}${byteUnits[Math.max(0, power)]}`
}

export function percent(ratio: number): string {
  return `${trim(ratio * 100)}${thin}%`
}

export function clock(ms: number, withDate = false): string {
  const date = new Date(ms)
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return withDate ? `${day(ms)} ${time}` : time
}

export function day(ms: number): string {
  const date = new Date(ms)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

export function precise(ms: number): string {
  return `${clock(ms)}.${String(new Date(ms).getMilliseconds()).padStart(3, '0')}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

export function duration(ms: number): string {
  const zh = isZh()
  const parts: [number, string, string][] = [
    [86_400_000, '天', 'd'],
    [3_600_000, '小时', 'h'],
    [60_000, '分', 'min'],
    [1000, '秒', 's'],
  ]
  for (const [size, chinese, english] of parts) {
    if (ms < size) continue
    const value = ms / size
    return `${value >= 10 ? Math.round(value) : trim(Math.floor(value * 10) / 10)}${thin}${zh ? chinese : english}`
  }
  return `${Math.round(ms)}${thin}${zh ? '毫秒' : 'ms'}`
}

export function ago(ms: number, nowMs: number): string {
  const passed = nowMs - ms
  if (passed < 5000) return i18n.t('time.now')
  return i18n.t('time.ago', { time: duration(passed) })
}
