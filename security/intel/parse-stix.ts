// STIX 2.x indicators: patterns of equality over addresses, names, URLs, hashes. A pattern that needs several things at
// once is left out and counted: one of them alone would be a false alarm.
import { type IndicatorKind, IntelCollection, type ParsedIntel, type ParseOptions } from './indicator.ts'

const paths: Readonly<Record<string, IndicatorKind>> = {
  'ipv4-addr:value': 'ip',
  'ipv6-addr:value': 'ip',
  'domain-name:value': 'domain',
  'url:value': 'url',
  'email-addr:value': 'email',
  'network-traffic:dst_ref.value': 'ip',
  'network-traffic:src_ref.value': 'ip',
}

export function parseStix(text: string, options: ParseOptions): ParsedIntel {
  const found = new IntelCollection(options)
  let objects: unknown
  try {
    const data = JSON.parse(text) as { objects?: unknown }
    objects = Array.isArray(data) ? data : data.objects
  } catch {
    found.leaveOut('unreadable')
    return found
  }
  if (Array.isArray(objects)) collectStix(objects, found)
  else found.leaveOut('unreadable')
  return found
}

export function collectStix(objects: readonly unknown[], found: IntelCollection): void {
  // The newest version of an object counts.
  const latest = new Map<string, Record<string, unknown>>()
  for (const one of objects) {
    if (typeof one !== 'object' || one === null) continue
    const object = one as Record<string, unknown>
    if (object['type'] !== 'indicator' || typeof object['id'] !== 'string') continue
    const before = latest.get(object['id'])
    if (!before || String(before['modified'] ?? '') <= String(object['modified'] ?? ''))
      latest.set(object['id'], object)
  }
  for (const object of latest.values()) {
    if (object['revoked'] === true) {
      found.leaveOut('revoked')
      continue
    }
    if ((object['pattern_type'] ?? 'stix') !== 'stix' || typeof object['pattern'] !== 'string') {
      found.leaveOut('unsupported-pattern')
      continue
    }
    const values = equalities(object['pattern'])
    if (!values) {
      found.leaveOut('unsupported-pattern')
      continue
    }
    const until = Date.parse(String(object['valid_until'] ?? ''))
    const from = Date.parse(String(object['valid_from'] ?? ''))
    const confidence = object['confidence']
    for (const { kind, value } of values)
      found.add(kind, value, {
        id: String(object['id']),
        ...(typeof object['name'] === 'string' && object['name'] !== '' ? { label: object['name'].slice(0, 200) } : {}),
        ...(typeof confidence === 'number' ? { confidence: Math.min(100, Math.max(0, confidence)) } : {}),
        ...(Number.isNaN(from) ? {} : { fromMs: from }),
        ...(Number.isNaN(until) ? {} : { untilMs: until }),
        ...tlpOf(object['object_marking_refs']),
      })
  }
}

const patternCharsMax = 16_384

/**
 * `[a:b = 'x' OR a:b IN ('y', 'z')] OR [c:d = 'w']` → x, y, z, w.
 * @returns undefined for everything that means more than "one of these was seen"
 */
export function equalities(pattern: string): { kind: IndicatorKind; value: string }[] | undefined {
  if (pattern.length > patternCharsMax) return undefined
  const token = /\s*(\[|\]|\(|\)|,|=|OR\b|IN\b|'(?:[^'\\]|\\.)*'|[a-z0-9-]+:[A-Za-z0-9_.'-]+(?:\[[^\]]*\])?)/gy
  const tokens: string[] = []
  while (token.lastIndex < pattern.trimEnd().length) {
    const match = token.exec(pattern)
    if (!match) return undefined
    tokens.push(match[1]!)
  }
  const values: { kind: IndicatorKind; value: string }[] = []
  let at = 0
  const take = (wanted: string): boolean => tokens[at] === wanted && ++at > 0
  const literal = (kind: IndicatorKind): boolean => {
    const text = tokens[at]
    if (!text?.startsWith("'")) return false
    values.push({ kind, value: text.slice(1, -1).replace(/\\(.)/g, '$1') })
    at++
    return true
  }
  const comparison = (): boolean => {
    if (take('(')) return alternatives(comparison) && take(')')
    const path = tokens[at++] ?? ''
    const kind = paths[path] ?? (/^file:hashes\./.test(path) ? 'hash' : undefined)
    if (!kind) return false
    if (take('=')) return literal(kind)
    if (!take('IN') || !take('(')) return false
    do if (!literal(kind)) return false
    while (take(','))
    return take(')')
  }
  const observation = (): boolean => {
    if (take('(')) return alternatives(observation) && take(')')
    return take('[') && alternatives(comparison) && take(']')
  }
  const alternatives = (one: () => boolean): boolean => {
    do if (!one()) return false
    while (take('OR'))
    return true
  }
  return alternatives(observation) && at === tokens.length ? values : undefined
}

/** TLP 1 and 2 of the specification's and FIRST's own marking ids. */
const tlps: Readonly<Record<string, string>> = {
  '613f2e26-407d-48c7-9eca-b8e91df99dc9': 'white',
  '34098fce-860f-48ae-8e50-ebd3cc5e41da': 'green',
  'f88d31f6-486f-44da-b317-01333bde0b82': 'amber',
  '5e57c739-391a-4eb3-b6be-7d15ca92d5ed': 'red',
  '94868c89-83c2-464b-929b-a1a8aa3c8487': 'clear',
  'bab4a63c-aed9-4cf5-a766-dfca5abac2bb': 'green',
  '55d920b0-5e8b-4f79-9ee9-91f868d9b421': 'amber',
  '939a9414-2ddd-4d32-a0cd-375ea402b003': 'amber+strict',
  'e828b379-4e03-4974-9ac4-e53a884c97c1': 'red',
}

function tlpOf(refs: unknown): { tlp?: string } {
  if (!Array.isArray(refs)) return {}
  for (const ref of refs) {
    const tlp = tlps[String(ref).replace('marking-definition--', '')]
    if (tlp) return { tlp }
  }
  return {}
}
