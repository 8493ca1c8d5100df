import { describe, expect, it } from 'vitest'
import { isZeekHeader, ZeekTable } from './zeek-table.ts'

const header = (path: string, fields: string, types: string, separator = '\t'): string[] => [
  '#separator \\x09'.replace('\\x09', separator === '\t' ? '\\x09' : `\\x${separator.charCodeAt(0).toString(16)}`),
  ['#set_separator', ','].join(separator),
  ['#empty_field', '(empty)'].join(separator),
  ['#unset_field', '-'].join(separator),
  ['#path', path].join(separator),
  ['#open', '2026-11-24-08-00-00'].join(separator),
  ['#fields', ...fields.split(' ')].join(separator),
  ['#types', ...types.split(' ')].join(separator),
]
function read(lines: readonly string[]): unknown[] {
  const table = new ZeekTable()
  return lines.flatMap((line) => {
    const found = table.read(line)
    return found === undefined ? [] : [JSON.parse(found)]
  })
}

describe('a table of Zeek', () => {
  it('gives what the JSON writer gives, type by type', () => {
    const fields = 'ts uid id.orig_h id.orig_p proto duration orig_bytes local_orig tunnel_parents history service'
    const types = 'time string addr port enum interval count bool set[string] string string'
    const row = ['1795507199.250000', 'C1', '192.0.2.7', '40000', 'tcp', '0.5', '120', 'T', 'a,b', 'ShADad', '-']
    expect(read([...header('conn', fields, types), row.join('\t')])).toEqual([
      {
        ...{ _path: 'conn', ts: 1795507199.25, uid: 'C1', 'id.orig_h': '192.0.2.7', 'id.orig_p': 40000 },
        ...{ proto: 'tcp', duration: 0.5, orig_bytes: 120, local_orig: true, tunnel_parents: ['a', 'b'] },
        history: 'ShADad',
      },
    ])
  })
  it('knows what is unset and what is empty, in sets and out of them', () => {
    const lines = header('x', 'a b c d', 'string set[addr] vector[interval] string')
    expect(read([...lines, '(empty)\t(empty)\t1.5,-\t-'])).toEqual([{ _path: 'x', a: '', b: [], c: [1.5] }])
  })
  it('takes bytes that are written as \\x, of any character, and a backslash that is none as it is', () => {
    const lines = header('http', 'uri agent', 'string string')
    expect(read([...lines, '/a\\x09b?q=\\xe6\\x94\\xbf\\xe5\\x8a\\xa1\tC:\\dir'])).toEqual([
      { _path: 'http', uri: '/a\tb?q=政务', agent: 'C:\\dir' },
    ])
  })
  it('reads another separator, a header in the middle, and leaves what does not fit', () => {
    const first = header('dns', 'ts query', 'time string', '|')
    const again = header('dns', 'ts query answers', 'time string vector[string]')
    const lines = [...first, '1.5|a.example', '1.5|b|c', '#close|2026', ...again, '2.5\tb.example\tx,y']
    expect(read(lines)).toEqual([
      { _path: 'dns', ts: 1.5, query: 'a.example' },
      { _path: 'dns', ts: 2.5, query: 'b.example', answers: ['x', 'y'] },
    ])
  })
  it('takes no name that is none, and nothing before a header', () => {
    expect(read(['a\tb', ...header('x', '__proto__ a', 'string string'), '1\t2'])).toEqual([{ _path: 'x', a: '2' }])
    expect([isZeekHeader('#separator \\x09'), isZeekHeader('# separator')]).toEqual([true, false])
  })
})
