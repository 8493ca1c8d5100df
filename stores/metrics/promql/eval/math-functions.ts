// Functions of one value, and of the calendar (UTC).

export const mathFunctions: Readonly<Record<string, (value: number, params: readonly number[]) => number>> = {
  abs: Math.abs,
  acos: Math.acos,
  acosh: Math.acosh,
  asin: Math.asin,
  asinh: Math.asinh,
  atan: Math.atan,
  atanh: Math.atanh,
  ceil: Math.ceil,
  clamp: (value, [low, high]) =>
    Number.isNaN(value) || Number.isNaN(low) || Number.isNaN(high)
      ? Number.NaN
      : Math.max(low!, Math.min(high!, value)),
  clamp_max: (value, [high]) => Math.min(high!, value),
  clamp_min: (value, [low]) => Math.max(low!, value),
  cos: Math.cos,
  cosh: Math.cosh,
  deg: (value) => value * (180 / Math.PI),
  exp: Math.exp,
  floor: Math.floor,
  ln: Math.log,
  log10: Math.log10,
  log2: Math.log2,
  rad: (value) => value * (Math.PI / 180),
  // The inverse keeps round(0.1 × 3, 0.1) from showing 0.30000000000000004; ties go up, as in Prometheus.
  round: (value, [nearest = 1]) => Math.floor(value * (1 / nearest) + 0.5) / (1 / nearest),
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
  sin: Math.sin,
  sinh: Math.sinh,
  sqrt: Math.sqrt,
  tan: Math.tan,
  tanh: Math.tanh,
}

const date = (seconds: number) => new Date(seconds * 1000)
const daysInYearBefore = (day: Date) =>
  (Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate()) - Date.UTC(day.getUTCFullYear(), 0, 1)) /
  86_400_000

/** Of seconds since the epoch. */
export const calendarFunctions: Readonly<Record<string, (seconds: number) => number>> = {
  day_of_month: (seconds) => date(seconds).getUTCDate(),
  day_of_week: (seconds) => date(seconds).getUTCDay(),
  day_of_year: (seconds) => daysInYearBefore(date(seconds)) + 1,
  days_in_month: (seconds) =>
    new Date(Date.UTC(date(seconds).getUTCFullYear(), date(seconds).getUTCMonth() + 1, 0)).getUTCDate(),
  hour: (seconds) => date(seconds).getUTCHours(),
  minute: (seconds) => date(seconds).getUTCMinutes(),
  month: (seconds) => date(seconds).getUTCMonth() + 1,
  year: (seconds) => date(seconds).getUTCFullYear(),
}
