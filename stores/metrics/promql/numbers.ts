// Numbers as Go prints them.

/** strconv.FormatFloat(value, 'f', -1, 64): sample values in the API and in count_values. */
export function formatValue(value: number): string {
  const size = Math.abs(value)
  // Here JavaScript writes no exponent.
  if (size >= 1e-6 && size < 1e21) return String(value)
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  const text = String(value)
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (!match) return text
  const [, sign, head, tail = '', exponent] = match
  const shift = Number(exponent)
  if (shift < 0) return `${sign}0.${'0'.repeat(-shift - 1)}${head}${tail}`
  return `${sign}${head}${tail.padEnd(shift, '0')}`
}

/** strconv.FormatFloat(value, 'e', -1, 64): values of alerts in the API. */
export function formatScientific(value: number): string {
  if (!Number.isFinite(value)) return formatValue(value)
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const sign = Object.is(value, -0) ? '-' : ''
  return `${sign}${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
}

/** %g: exponents below 1e-4, and from as many digits on as are asked for; from 1e6 on where as many as it takes. */
export function formatGeneral(value: number, digits?: number): string {
  if (!Number.isFinite(value)) return formatValue(value)
  if (Object.is(value, -0)) return '-0'
  if (value === 0) return '0'
  const scientific = digits === undefined ? value.toExponential() : value.toExponential(digits - 1)
  const [mantissa, exponentText] = scientific.split('e') as [string, string]
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= (digits ?? 6)) {
    const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa
    const size = String(Math.abs(exponent)).padStart(2, '0')
    return `${trimmed}e${exponent < 0 ? '-' : '+'}${size}`
  }
  return digits === undefined ? formatValue(value) : formatValue(Number(value.toPrecision(digits)))
}

/** OpenMetrics writes whole numbers with `.0`. */
export function formatOpenMetrics(value: number): string {
  if (!Number.isFinite(value)) return formatValue(value)
  const text = formatGeneral(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

/** strconv.ParseFloat, for the label `le`. undefined when it is no number. */
export function parseFloat64(text: string): number | undefined {
  if (/^[+-]?inf(inity)?$/i.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^nan$/i.test(text)) return Number.NaN
  return /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : undefined
}
