// Zeek's own form of its logs: lines of values by tabs, under a header that names and types them
// (docs.zeek.org/en/master/log-formats.html). Read into the line that Zeek's JSON writer gives for the same record, so that one parser reads both.
//
//   #separator \x09
//   #set_separator	,
//   #empty_field	(empty)
//   #unset_field	-
//   #path	conn
//   #fields	ts	uid	id.orig_h	…
//   #types	time	string	addr	…

export const zeekDataset = 'zeek'
const columnsMax = 1000
const numbers = /^(?:time|interval|double|count|int|port)$/
/** Zeek's field names; and `__proto__` is none. */
const fieldName = /^[A-Za-z][\w.]{0,200}$/

export function isZeekHeader(line: string): boolean {
  return line.startsWith('#separator ')
}

export class ZeekTable {
  #separator = '\t'
  #setSeparator = ','
  #empty = '(empty)'
  #unset = '-'
  #path = ''
  #fields: string[] = []
  #types: string[] = []

  /**
   * @returns the record as JSON; undefined for a line of the header, and for one that has another number of columns than
   * the header says
   */
  read(line: string): string | undefined {
    if (line.startsWith('#')) {
      this.#header(line)
      return undefined
    }
    const values = line.split(this.#separator, columnsMax)
    if (this.#fields.length === 0 || values.length !== this.#fields.length) return undefined
    const record: Record<string, unknown> = this.#path === '' ? {} : { _path: this.#path }
    for (const [i, name] of this.#fields.entries()) {
      const value = this.#valueOf(values[i]!, this.#types[i] ?? 'string')
      if (value !== undefined && fieldName.test(name)) record[name] = value
    }
    return JSON.stringify(record)
  }

  #header(line: string): void {
    if (isZeekHeader(line)) {
      // The separator itself stands behind a blank, and is written as it is escaped.
      this.#reset(unescaped(line.slice('#separator '.length)).slice(0, 1) || '\t')
      return
    }
    const [key = '', ...rest] = line.slice(1).split(this.#separator, columnsMax)
    const [first = ''] = rest
    if (key === 'set_separator') this.#setSeparator = unescaped(first) || ','
    else if (key === 'empty_field') this.#empty = unescaped(first)
    else if (key === 'unset_field') this.#unset = unescaped(first)
    else if (key === 'path') this.#path = first
    else if (key === 'fields') this.#fields = rest
    else if (key === 'types') this.#types = rest
  }

  /** A writer that began again says everything again. */
  #reset(separator: string): void {
    this.#separator = separator
    this.#setSeparator = ','
    this.#empty = '(empty)'
    this.#unset = '-'
    this.#path = ''
    this.#fields = []
    this.#types = []
  }

  #valueOf(text: string, type: string): unknown {
    if (text === this.#unset) return undefined
    const inner = /^(?:set|vector)\[(\w+)\]$/.exec(type)?.[1]
    if (inner !== undefined) {
      if (text === this.#empty) return []
      return text.split(this.#setSeparator).flatMap((one) => (one === this.#unset ? [] : [scalarOf(one, inner)]))
    }
    return text === this.#empty ? '' : scalarOf(text, type)
  }
}

function scalarOf(text: string, type: string): string | number | boolean {
  if (type === 'bool') return text === 'T'
  if (numbers.test(type)) {
    const number = Number(text)
    if (text !== '' && Number.isFinite(number)) return number
  }
  return unescaped(text)
}

/** `\x09` is a byte; several of them may be one character of UTF-8. */
function unescaped(text: string): string {
  if (!text.includes('\\x')) return text
  return text.replace(/(?:\\x[0-9a-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('\\x', ''), 'hex').toString('utf8'),
  )
}
