// Which text of an event is looked at, and how: each value behind the name of its field, as the masked view reads it.
import type { Event, FieldValue } from '#core/event.ts'
import { sensitiveDataset } from '#core/sensitive.ts'

/** Ours, or made of the event by us: nothing that a program wrote. */
const untouched = new Set(['event.id', 'event.dataset', 'event.ingested', 'observer.name', '@timestamp'])
const oursPrefix = 'guanlan.'
/** The shortest that can be something: a password of four characters. */
const valueCharsMin = 4
/** Eleven digits and more: a number that is no time of ours. */
const numberMin = 10_000_000_000
/** A list is flattened to one text each. */
export const valuesMax = 1024

/** A key of somebody's map may be a number of somebody, which between dots would be a part of a path of numbers. */
const numberInName = /\d{11}/

/** Fields by name with each of their texts; one of it serves all events, one after another. */
export class EventText {
  readonly names: string[] = []
  readonly values: string[] = []
  /** Something did not fit. */
  isCut = false
  #chars = 0
  readonly #charsMax: number

  /** @param charsMax of one event */
  constructor(charsMax: number) {
    this.#charsMax = charsMax
  }

  read(event: Event): void {
    this.names.length = 0
    this.values.length = 0
    this.isCut = false
    this.#chars = 0
    // What we ourselves tell of mirrored bodies is masked. A sender may name the dataset, not the receiver.
    if (event['event.dataset'] === sensitiveDataset && event['observer.name'] === 'http-mirror') return
    for (const name in event) {
      if (untouched.has(name) || name.startsWith(oursPrefix)) continue
      const value = event[name]
      if (typeof value === 'string') this.#add(name, name === 'event.original' ? headOf(value, event.message) : value)
      else if (value !== undefined) this.#addOther(name, value)
    }
  }

  #addOther(name: string, value: FieldValue): void {
    if (typeof value === 'number') {
      if (value >= numberMin && Number.isSafeInteger(value)) this.#add(name, String(value))
    } else if (Array.isArray(value))
      for (const one of value)
        if (typeof one === 'string') this.#add(name, one)
        else this.#addOther(name, one)
  }

  #add(name: string, value: string): void {
    if (value.length < valueCharsMin) return
    const left = this.#charsMax - this.#chars - name.length
    if (value.length > left || this.names.length >= valuesMax) {
      this.isCut = true
      if (left < valueCharsMin || this.names.length >= valuesMax) return
    }
    const text = value.length > left ? value.slice(0, left) : value
    this.#chars += name.length + text.length
    this.names.push(name.length > 11 && numberInName.test(name) ? name.replaceAll('.', '/') : name)
    this.values.push(name.startsWith('url.') && text.includes('%') ? unescaped(text) : text)
  }
}

/** Most lines end with their message, which is looked at by itself. */
function headOf(original: string, message: string): string {
  return original.endsWith(message) ? original.slice(0, original.length - message.length) : original
}

/** Escapes of UTF-8; one that is none stays. Never longer than it was. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
