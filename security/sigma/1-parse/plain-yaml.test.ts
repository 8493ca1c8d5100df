import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { loadAll } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { readTar } from '../read-tar.ts'
import { readPlainYaml } from './plain-yaml.ts'

const root = resolve(import.meta.dirname, '../../..')
const pack = resolve(root, '../shared/data/sigma/rules/sigma-rules.tar.gz')
const shipped = readdirSync(join(root, 'rules/sigma'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yml'))
  .map((name) => readFileSync(join(root, 'rules/sigma', name), 'utf8'))

/** What the whole reader makes of it; undefined when it refuses. */
function whole(text: string): unknown {
  try {
    return loadAll(text)
  } catch {
    return undefined
  }
}

function expectAlike(text: string): void {
  const plain = readPlainYaml(text)
  if (plain) expect([plain], text).toStrictEqual(whole(text))
}

describe('the plain part of YAML', () => {
  it.each([
    ['a value of each kind', 'a: b\nc: 1\nd: -4.5\ne: 0x1f\nf: null\ng: ~\nh: true\ni: False\nj: 2024-01-02\nk:\n'],
    ['quotes', "a: 'b: c # d'\nb: ''\nc: 'it''s'\nd: \"x'y\"\n'|all': x\n"],
    [
      'lists further in and in the column of their key',
      'a:\n  - 1\n  - b\nc:\n- x\n-\n- y: 1\n  z: 2\n-   w: 3\nd: e\n',
    ],
    ['blocks', 'a: |\n  one\n\n   two\n  # three\n\nb: |-\n  x\n\n\nc: d\n'],
    ['comments', '# a\na: b # c\n   # d\nb: c#d\ne: # f\n  - g # h\n#end'],
    ['a file without a last line feed', 'a:\n    b: c'],
  ])('reads %s as the whole reader does', (_, text) => {
    expect([readPlainYaml(text)]).toStrictEqual(whole(text))
  })

  it.each([
    ['a text that goes on in the next line', 'a: b\n  c\n'],
    ['a key twice', 'a: 1\na: 2\n'],
    ['flow', 'a: [1, 2]\n'],
    ['aliases', 'a: &x b\nc: *x\n'],
    ['several documents', 'a: b\n---\nc: d\n'],
    ['escapes', 'a: "b\\n"\n'],
    ['tabs', 'a:\tb\n'],
    ['a colon in a plain text', 'a: b: c\n'],
    ['a key that is no text', 'null: a\n'],
    ['what is deeper than it should be', 'a: b\n   c: d\n'],
    ['what stands between two columns', 'a:\n    b: c\n  d: e\n'],
    ['the name of every prototype', '__proto__: a\n'],
    ['a list of lists', 'a:\n  - - b\n'],
  ])('leaves %s to the whole reader', (_, text) => {
    expect(readPlainYaml(text)).toBeUndefined()
  })

  it('reads the rules that we ship, each as the whole reader does', () => {
    expect(shipped.length).toBeGreaterThan(10)
    for (const text of shipped) expectAlike(text)
  })

  it.skipIf(!existsSync(pack))("reads nearly all of SigmaHQ's pack, each as the whole reader does", () => {
    let [rules, plain] = [0, 0]
    for (const { name, content } of readTar(gunzipSync(readFileSync(pack)))) {
      if (!name.endsWith('.yml')) continue
      const text = content.toString('utf8')
      rules++
      if (readPlainYaml(text)) plain++
      expectAlike(text)
    }
    expect(plain).toBeGreaterThan(rules * 0.95)
  })

  it('never answers otherwise than the whole reader, whatever is done to a rule', () => {
    const piece = fc.constantFrom(
      ...[
        '\n',
        ' ',
        '  ',
        '- ',
        ': ',
        ':',
        "'",
        '"',
        '#',
        ' #',
        '|',
        '|-',
        '>',
        '?',
        '~',
        '&a',
        '*a',
        '---\n',
        '[',
        '}',
      ],
      ...[
        '\t',
        '\r\n',
        '\\',
        '!',
        '%',
        '0',
        '-1',
        '1e3',
        '.5',
        'null',
        'é',
        '\u2028',
        '\ufeff',
        'a: b\n',
        '    ',
        '-\n',
      ],
    )
    const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(6), put: piece })
    fc.assert(
      fc.property(fc.constantFrom(...shipped), fc.array(change, { minLength: 1, maxLength: 4 }), (rule, changes) => {
        let text = rule
        for (const { at, cut, put } of changes) {
          const from = Math.floor(at * text.length)
          text = `${text.slice(0, from)}${put}${text.slice(from + cut)}`
        }
        expectAlike(text)
      }),
      { numRuns: 2000 },
    )
  })

  it('answers alike on texts made of nothing but pieces of YAML', () => {
    const pieces = fc.constantFrom(
      ...[
        'a',
        'b',
        ': ',
        ':',
        '\n',
        '\n',
        '\n  ',
        '\n    ',
        '- ',
        '-',
        "'",
        '"',
        '#',
        ' ',
        '|',
        '|-',
        '1',
        '.',
        '~',
        'x: y',
      ],
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 24 }), (list) => expectAlike(list.join(''))),
      { numRuns: 5000 },
    )
  })
})
