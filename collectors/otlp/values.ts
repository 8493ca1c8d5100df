// Attributes, ids and times, as either encoding gives them.
type Loose = Record<string, unknown>

/** An AnyValue as plain data; bytes as base64, which is how OTLP/JSON writes them. */
export function plainValue(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > 32) return undefined
  const any = value as Loose
  if (any['stringValue'] !== undefined) return String(any['stringValue'])
  if (any['intValue'] !== undefined) return numberOf(any['intValue'])
  if (any['boolValue'] !== undefined) return any['boolValue'] === true
  if (any['doubleValue'] !== undefined) return numberOf(any['doubleValue'])
  if (any['arrayValue'] !== undefined)
    return listOf((any['arrayValue'] as Loose)?.['values']).map((one) => plainValue(one, depth + 1))
  if (any['kvlistValue'] !== undefined) return attributesOf((any['kvlistValue'] as Loose)?.['values'], depth + 1)
  if (any['bytesValue'] !== undefined)
    return Buffer.isBuffer(any['bytesValue']) ? any['bytesValue'].toString('base64') : String(any['bytesValue'])
  return undefined
}

export function attributesOf(list: unknown, depth = 0): Record<string, unknown> {
  const attributes: Record<string, unknown> = {}
  for (const pair of listOf(list)) {
    const { key, value } = (pair ?? {}) as Loose
    if (typeof key !== 'string' || key === '' || key === '__proto__') continue
    const plain = plainValue(value, depth)
    if (plain !== undefined) attributes[key] = plain
  }
  return attributes
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

export function objectOf(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {}
}

/** 64-bit integers are text in JSON; doubles may be "NaN", "Infinity" and "-Infinity" (protobuf's JSON mapping). */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'bigint' || typeof value === 'string' ? Number(value) : Number.NaN
}

/** Hex in JSON (the one deviation from protobuf's mapping), bytes in protobuf; empty when all zeros or absent. */
export function idOf(value: unknown): string {
  const hex = Buffer.isBuffer(value) ? value.toString('hex') : typeof value === 'string' ? value.toLowerCase() : ''
  return /^0*$/.test(hex) || !/^[0-9a-f]+$/.test(hex) ? '' : hex
}

export function nanosText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) return value
  return typeof value === 'number' && value >= 0 ? BigInt(Math.trunc(value)).toString() : '0'
}

/** Undefined for 0, which means unknown. */
export function nanosToMs(value: unknown): number | undefined {
  const nanos = numberOf(value)
  return nanos > 0 ? Math.floor(nanos / 1e6) : undefined
}
