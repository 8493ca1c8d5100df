// MISP events as a feed or the REST API gives them: attributes meant for detection (`to_ids`), of objects too.
import { type IndicatorKind, IntelCollection, type ParsedIntel, type ParseOptions } from './indicator.ts'

const types: Readonly<Record<string, IndicatorKind>> = {
  'ip-src': 'ip',
  'ip-dst': 'ip',
  domain: 'domain',
  hostname: 'domain',
  url: 'url',
  uri: 'url',
  link: 'url',
  md5: 'hash',
  sha1: 'hash',
  sha256: 'hash',
  sha384: 'hash',
  sha512: 'hash',
  email: 'email',
  'email-src': 'email',
  'email-dst': 'email',
}
/** `filename|md5`: which part is what. */
const pairs: Readonly<Record<string, [number, IndicatorKind][]>> = {
  'filename|md5': [[1, 'hash']],
  'filename|sha1': [[1, 'hash']],
  'filename|sha256': [[1, 'hash']],
  'ip-src|port': [[0, 'ip']],
  'ip-dst|port': [[0, 'ip']],
  'domain|ip': [
    [0, 'domain'],
    [1, 'ip'],
  ],
  'hostname|port': [[0, 'domain']],
}

interface Attribute {
  uuid?: unknown
  type?: unknown
  value?: unknown
  to_ids?: unknown
  deleted?: unknown
}

export function parseMisp(text: string, options: ParseOptions): ParsedIntel {
  const found = new IntelCollection(options)
  try {
    collectMisp(JSON.parse(text), found)
  } catch {
    found.leaveOut('unreadable')
  }
  return found
}

/** One event, `{ response: [...] }`, or a list of events. */
export function collectMisp(data: unknown, found: IntelCollection): void {
  const whole = data as { response?: unknown; Event?: unknown }
  const list = Array.isArray(data) ? data : Array.isArray(whole?.response) ? whole.response : [data]
  for (const one of list) {
    const event = (one as { Event?: unknown })?.Event ?? one
    if (typeof event !== 'object' || event === null) {
      found.leaveOut('unreadable')
      continue
    }
    const {
      info,
      Attribute = [],
      Object: objects = [],
      Tag = [],
    } = event as {
      info?: string
      Attribute?: Attribute[]
      Object?: { Attribute?: Attribute[] }[]
      Tag?: { name?: string }[]
    }
    const tlp = Tag.map(({ name = '' }) => /^tlp:(.+)$/i.exec(name)?.[1]?.toLowerCase()).find((name) => name) ?? ''
    const label = String(info ?? '').slice(0, 200)
    for (const attribute of [...Attribute, ...objects.flatMap((object) => object.Attribute ?? [])])
      collectAttribute(attribute, { tlp, ...(label ? { label } : {}) }, found)
  }
}

function collectAttribute(
  { uuid, type, value, to_ids, deleted }: Attribute,
  more: { tlp: string; label?: string },
  found: IntelCollection,
): void {
  // What is not meant for detection is context: naming it would raise false alarms.
  if (deleted === true || to_ids !== true || typeof value !== 'string') return
  const kind = types[String(type)]
  const parts = pairs[String(type)]
  const id = typeof uuid === 'string' ? uuid : ''
  if (kind) found.add(kind, value, { ...more, id })
  else if (parts) for (const [at, of] of parts) found.add(of, value.split('|')[at] ?? '', { ...more, id })
  else found.leaveOut('unknown-type')
}
