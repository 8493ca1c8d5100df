// Events of other shippers to flat ones under the names that rules use: nested Windows events, tables of the cloud with
// JSON in a column, Sysmon for Linux as XML in a syslog message.
import { readWindowsEventXml } from '#core/windows-event-xml.ts'
import type { FlatEvent } from './taxonomy.ts'

const depthMax = 32
const fieldsMax = 4096

/** @param document taken over: one that is flat already comes back as it is, with a few names more */
export function lift(document: unknown): FlatEvent {
  const flat: Record<string, unknown> = Object.create(null)
  if (typeof document !== 'object' || document === null) return flat
  const root = document as Record<string, unknown>
  const event = root['Event'] ?? root
  const isWindows = isRecord(event) && isRecord(event['System'])
  if (isWindows) {
    liftSystem(event['System'] as Record<string, unknown>, flat)
    for (const part of ['EventData', 'UserData']) {
      const data = event[part]
      if (isRecord(data)) liftData(data, flat, 0)
    }
    return flat
  }
  // An object that a parser made is read several times faster than one put together name by name.
  if (isFlat(root)) return amended(root)
  flatten(root, '', flat, 0)
  return amended(flat)
}

function isFlat(root: Record<string, unknown>): boolean {
  let count = 0
  for (const name in root) if (++count > fieldsMax || name.includes(' ') || isRecord(root[name])) return false
  return true
}

function amended(flat: Record<string, unknown>): FlatEvent {
  const data = flat['EventData']
  if (typeof data === 'string') liftText(data, flat)
  const message = flat['SyslogMessage'] ?? flat['message']
  if (typeof message === 'string' && message.includes('<Event>'))
    readWindowsEventXml(message, (name, value) => set(flat, name, value))
  // A table of the cloud writes the channel into another column.
  if (flat['EventLog'] !== undefined) flat['Channel'] ??= flat['EventLog']
  const source = flat['SourceName'] ?? flat['Source']
  if (source !== undefined) flat['Provider_Name'] ??= source
  return flat
}

function liftSystem(system: Record<string, unknown>, flat: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(system)) {
    if (!isRecord(value)) flat[name] = value
    else {
      const attributes = isRecord(value['#attributes']) ? value['#attributes'] : value
      if ('#text' in value) flat[name] = value['#text']
      for (const [key, inner] of Object.entries(attributes)) if (!isRecord(inner)) flat[`${name}_${key}`] = inner
    }
  }
}

function liftData(data: Record<string, unknown>, flat: Record<string, unknown>, depth: number): void {
  for (const [name, value] of Object.entries(data)) {
    if (name === '#attributes' || depth > depthMax) continue
    if (name === 'Data' && Array.isArray(value)) {
      for (const one of value)
        if (isRecord(one)) {
          const key = (one['#attributes'] as Record<string, unknown> | undefined)?.['Name'] ?? one['Name']
          if (typeof key === 'string') set(flat, key, one['#text'] ?? one['Value'] ?? '')
        }
      flat['Data'] ??= value.filter((one) => !isRecord(one))
    } else if (isRecord(value)) {
      if ('#text' in value) set(flat, name, value['#text'])
      else liftData(value, flat, depth + 1)
    } else set(flat, name, value)
  }
}

/** Some providers write a space into their names, which rules leave out. */
function set(flat: Record<string, unknown>, name: string, value: unknown): void {
  flat[name] = value
  if (name.includes(' ')) flat[name.replaceAll(' ', '')] ??= value
}

function flatten(data: Record<string, unknown>, prefix: string, flat: Record<string, unknown>, depth: number): void {
  let count = 0
  for (const [name, value] of Object.entries(data)) {
    if (++count > fieldsMax) return
    if (isRecord(value) && depth < depthMax) flatten(value, `${prefix}${name}.`, flat, depth + 1)
    else set(flat, prefix + name, value)
  }
}

function liftText(text: string, flat: Record<string, unknown>): void {
  if (text.trimStart().startsWith('{')) {
    try {
      const data: unknown = JSON.parse(text)
      if (isRecord(data)) liftData(data, flat, 0)
    } catch {
      // It stays the text that it is.
    }
  } else if (text.includes('<')) readWindowsEventXml(text, (name, value) => set(flat, name, value))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
