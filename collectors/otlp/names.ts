// Names of OpenTelemetry in Prometheus's alphabet, with the unit and `_total` as suffixes.
const units: Record<string, string> = {
  ...{ d: 'days', h: 'hours', min: 'minutes', s: 'seconds', ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds' },
  ...{
    By: 'bytes',
    KiBy: 'kibibytes',
    MiBy: 'mebibytes',
    GiBy: 'gibibytes',
    KBy: 'kilobytes',
    MBy: 'megabytes',
    GBy: 'gigabytes',
  },
  ...{
    m: 'meters',
    V: 'volts',
    A: 'amperes',
    J: 'joules',
    W: 'watts',
    g: 'grams',
    Cel: 'celsius',
    Hz: 'hertz',
    '%': 'percent',
  },
}
const perUnits: Record<string, string> = { s: 'second', m: 'minute', min: 'minute', h: 'hour', d: 'day' }

export function metricName(name: string, unit: string, isCounter: boolean, isGauge: boolean): string {
  let text = clean(name)
  const suffix = unitSuffix(unit)
  if (suffix !== '' && !text.endsWith(`_${suffix}`) && !text.endsWith(`_${suffix}_total`))
    text = `${text.replace(/_total$/, '')}_${suffix}`
  if (unit === '1' && isGauge && !text.endsWith('_ratio')) text += '_ratio'
  if (isCounter && !text.endsWith('_total')) text += '_total'
  return text
}

/** What is in braces is a note, not a unit (UCUM). */
function unitSuffix(unit: string): string {
  const bare = unit.replace(/\{[^}]*\}/g, '')
  if (bare === '' || bare === '1') return ''
  const [main = '', per] = bare.split('/')
  const first = main === '' ? '' : (units[main] ?? clean(main))
  return per === undefined || per === ''
    ? first
    : `${first === '' ? '' : `${first}_`}per_${perUnits[per] ?? units[per] ?? clean(per)}`
}

function clean(text: string): string {
  const cleaned = text
    .replace(/[^a-zA-Z0-9_:]+/g, '_')
    .replace(/_{2,}/g, '_')
    .replace(/_$/, '')
  return /^\d/.test(cleaned) ? `_${cleaned}` : cleaned
}

export function labelName(name: string): string {
  const cleaned = name.replace(/[^a-zA-Z0-9_]/g, '_')
  return /^\d/.test(cleaned) ? `key_${cleaned}` : cleaned
}

export function labelValue(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
