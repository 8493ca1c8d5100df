// The fields of one Windows event written as XML, also by Sysmon for Linux and by tables of the cloud that keep only
// `EventData` (schema: Microsoft, "Event Schema"). Not a whole XML reader: such events have two levels and no nesting.

const system: Readonly<Record<string, RegExp>> = {
  EventID: /<EventID(?:\s[^>]{0,200})?>(\d{1,10})<\/EventID>/,
  Channel: /<Channel>([^<]{0,256})<\/Channel>/,
  Computer: /<Computer>([^<]{0,256})<\/Computer>/,
  EventRecordID: /<EventRecordID>(\d{1,20})<\/EventRecordID>/,
  Provider_Name: /<Provider\s[^>]{0,200}?Name=["']([^"']{0,256})["']/,
  SystemTime: /<TimeCreated\s[^>]{0,200}?SystemTime=["']([^"']{0,64})["']/,
}
const fieldsMax = 512

/** Tells each field of `System` and each `<Data Name="…">`. */
export function readWindowsEventXml(text: string, put: (name: string, value: string) => void): void {
  for (const name in system) {
    const value = system[name]!.exec(text)?.[1]
    if (value !== undefined) put(name, unescapeXml(value))
  }
  let count = 0
  for (const [, name, value] of text.matchAll(/<Data Name=["']([^"']{1,200})["'](?:\s?\/>|>([^<]*)<\/Data>)/g)) {
    if (++count > fieldsMax) return
    put(name!, unescapeXml(value ?? ''))
  }
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(lt|gt|amp|quot|apos));/g, (whole, decimal, hex, name) => {
    if (name) return entities[name]!
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
