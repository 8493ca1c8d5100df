import { resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SigmaCorrelation, SigmaFilter, SigmaRule } from './1-parse/ast.ts'
import { matchesGlob, partsOf } from './1-parse/pattern.ts'
import { readSigma } from './1-parse/read.ts'
import { Automaton } from './2-compile/automaton.ts'
import { Trie } from './2-compile/trie.ts'
import { Correlator, correlationLimits } from './3-evaluate/correlate.ts'
import { SigmaEngine } from './3-evaluate/engine.ts'
import { correlationFinding, creditOf, findingOf } from './finding.ts'
import { lift } from './lift.ts'
import { oracle } from './oracle/testing.ts'
import { unmetReferences } from './references.ts'
import { type FlatEvent, loadTaxonomy } from './taxonomy.ts'

const taxonomy = loadTaxonomy(resolve(import.meta.dirname, '../../rules/taxonomy/sigma.yml'))
const options = { placeholders: new Map([['admins', ['root', 'adm*']]]), license: '' }
const ruleText = (detection: string): string => `title: T\nlogsource: {}\ndetection:\n${detection.replace(/^/gm, '  ')}`
const read = (text: string) => readSigma('r.yml', text, options)
const rulesOf = (text: string): SigmaRule[] => read(text).documents.filter((one) => one.kind === 'rule')
const fires = (detection: string, event: FlatEvent): boolean => {
  const { documents, problems } = read(ruleText(detection))
  expect(problems).toEqual([])
  return new SigmaEngine(documents as SigmaRule[], [], { taxonomy, routing: false }).match(event).length > 0
}

describe('texts and wildcards', () => {
  test.each([
    ['plain', 'sel: { f: ABC }', { f: 'abc' }, true],
    ['cased', "sel: { 'f|cased': ABC }", { f: 'abc' }, false],
    ['a star and a question mark', "sel: { f: 'a*c?' }", { f: 'aXXcd' }, true],
    ['an escaped star is a star', "sel: { f: 'a\\*c' }", { f: 'aXc' }, false],
    ['an escaped star matches a star', "sel: { f: 'a\\*c' }", { f: 'a*c' }, true],
    ['a backslash before a star as text', "sel: { f: 'a\\\\*' }", { f: 'a\\xyz' }, true],
    ['a value that ends in a backslash stays so', "sel: { 'f|contains': '\\Temp\\' }", { f: 'C:\\Temp\\x' }, true],
    ['a value that ends in a backslash needs it', "sel: { 'f|contains': '\\Temp\\' }", { f: 'C:\\Temp' }, false],
    ['all of a list', "sel: { 'f|contains|all': [a, b] }", { f: 'b..a' }, true],
    ['not all of a list', "sel: { 'f|contains|all': [a, b] }", { f: 'a' }, false],
    ['numbers as text', 'sel: { EventID: 4624 }', { EventID: '4624' }, true],
    ['one of several values', 'sel: { f: [x, y] }', { f: ['a', 'Y'] }, true],
    ['null is absent or null', 'sel: { f: null }', {}, true],
    ['null is not empty', 'sel: { f: null }', { f: '' }, false],
    ['empty is not null', "sel: { f: '' }", {}, false],
    ['exists', "sel: { 'f|exists': true }", { f: '' }, true],
    ['not equal', "sel: { 'f|neq': a }", { f: 'b' }, true],
    ['not equal, but it is', "sel: { 'f|neq': a }", { f: 'A' }, false],
    ['not null', "sel: { 'f|neq': null }", { f: 'a' }, true],
    ['not null, but it is absent', "sel: { 'f|neq': null }", { g: 'a' }, false],
    ['neither of two, one null', "sel: { 'f|neq': [a, null] }", { f: 'b' }, true],
    ['keywords in any value', 'sel: [mimikatz, other]', { a: 'x', b: 'run MimiKatz.exe' }, true],
    ['all keywords', "sel: { '|all': [one, two] }", { a: 'two', b: 'one' }, true],
    ['maps in a list are alternatives', 'sel: [{ a: 1 }, { b: 2 }]', { b: 2 }, true],
    ['a dash is any dash', "sel: { 'f|contains|windash': ' -enc' }", { f: 'p \u2013enc x' }, true],
    ['a dash within a word is not', "sel: { 'f|contains|windash': 'a-b' }", { f: 'a/b' }, false],
    ['many dashes', "sel: { 'f|windash|contains': '-a -b -c -d' }", { f: 'x /a -b \u2014c \u2015d' }, true],
    [
      'base64 at any offset',
      "sel: { 'f|base64offset|contains': http:// }",
      { f: Buffer.from('xx http://y').toString('base64') },
      true,
    ],
    [
      'wide base64',
      "sel: { 'f|wide|base64offset|contains': invoke }",
      { f: Buffer.from('abinvoke', 'utf16le').toString('base64') },
      true,
    ],
    ['base64', "sel: { 'f|base64': foo }", { f: 'Zm9v' }, true],
    ['a network', "sel: { 'f|cidr': 10.0.0.0/8 }", { f: '10.1.2.3' }, true],
    ['an IPv6 network', "sel: { 'f|cidr': 'fe80::/10' }", { f: 'FE80::1' }, true],
    ['another field', "sel: { 'a|fieldref': b }", { a: 'X', b: 'x' }, true],
    ['two absent fields are not equal', "sel: { 'a|fieldref': b }", {}, false],
    ['a field at the end of another', "sel: { 'a|fieldref|endswith': b }", { a: 'wxyz', b: 'yz' }, true],
    ['greater', "sel: { 'f|gte': 10 }", { f: '10' }, true],
    ['no number is not less', "sel: { 'f|lt': 10 }", { f: 'x' }, false],
    ['the hour', "sel: { 't|hour': 3 }", { t: '2026-05-01T03:59:00Z' }, true],
    ['the ISO week', "sel: { 't|week': 53 }", { t: '2021-01-01 00:00:00' }, true],
    ['the hour compared', "sel: { 't|hour|gte': 22 }", { t: '2026-05-01T23:00:00' }, true],
    ['placeholders with wildcards', "sel: { 'f|expand': '%admins%' }", { f: 'administrator' }, true],
    ['placeholders nobody knows', "sel: { 'f|expand': '%nobody%' }", { f: '%nobody%' }, false],
    ['regex, case counts', "sel: { 'f|re': 'a[0-9]+b' }", { f: 'xA12b' }, false],
    ['regex without case', "sel: { 'f|re|i': 'a[0-9]+b' }", { f: 'xA12b' }, true],
    ['regex with inline flag', "sel: { 'f|re': '(?i)abc' }", { f: 'ABC' }, true],
  ])('%s', (_, detection, event, expected) => {
    const whole = `${detection}\ncondition: sel`
    expect(fires(whole, event)).toBe(expected)
    // The second reading of the specification agrees, where it knows placeholders.
    if (!detection.includes('%') && !/hour|week/.test(detection)) expect(oracle(ruleText(whole))(event)).toBe(expected)
  })

  test('globs agree with regular expressions', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 10 })
    const value = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })
    fc.assert(
      fc.property(text, value, (pattern, given) => {
        const source = pattern.replace(/\*/g, '[^]*').replace(/\?/g, '[^]')
        expect(matchesGlob(partsOf(pattern), given)).toBe(new RegExp(`^${source}$`).test(given))
      }),
      { numRuns: 3000 },
    )
  })

  test('the automaton and the tries find what indexOf finds', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'é', '\u4e2d'), minLength: 1, maxLength: 5 })
    const value = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'é', '\u4e2d', 'x'), maxLength: 30 })
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), value, (words, text) => {
        const of = (op: 'contains' | 'starts' | 'ends' | 'equals') =>
          words.map((one, atom) => ({ text: one, op, atom }))
        const found = (scanner: Automaton | Trie): number[] => {
          const atoms = new Set<number>()
          scanner.scan(text, (atom) => atoms.add(atom))
          return [...atoms].sort((a, b) => a - b)
        }
        const expected = (holds: (one: string) => boolean): number[] =>
          words.flatMap((one, atom) => (holds(one) ? [atom] : []))
        expect(found(new Automaton(of('contains')))).toEqual(expected((one) => text.includes(one)))
        expect(found(new Trie(of('starts'), false))).toEqual(expected((one) => text.startsWith(one)))
        expect(found(new Trie(of('ends'), true))).toEqual(expected((one) => text.endsWith(one)))
        expect(found(new Trie(of('equals'), false))).toEqual(expected((one) => text === one))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('conditions', () => {
  const sels = 'a: { f: a }\nb: { f: b }\nfilter_x: { g: x }\nfilter_y: { g: y }\n_hidden: { h: 1 }\n'
  test.each([
    ['a or b and not 1 of filter_*', { f: 'a', g: 'x' }, true],
    ['(a or b) and not 1 of filter_*', { f: 'a', g: 'x' }, false],
    ['not a and not b', { f: 'c' }, true],
    ['1 of them', { h: 1 }, false],
    ['any of filter_*', { g: 'y' }, true],
    ['all of filter_*', { g: ['x', 'y'] }, true],
    ['2 of them', { f: 'a', g: 'x' }, true],
    ['3 of them', { f: 'a', g: 'x' }, false],
    ['NOT a AND (b OR _hidden)', { h: 1 }, true],
    ['not (not a)', { f: 'a' }, true],
    ['not not a', { f: 'a' }, true],
  ])('%s', (condition, event, expected) => {
    expect(fires(`${sels}condition: ${condition}`, event)).toBe(expected)
    expect(oracle(ruleText(`${sels}condition: ${condition}`))(event)).toBe(expected)
  })
  test('random conditions agree with the oracle', () => {
    const names = ['a', 'b', 'filter_x', 'filter_y']
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(...names, '1 of filter_*', 'all of filter_*', '2 of them'),
        fc.tuple(tie('expression'), tie('expression')).map(([x, y]) => `${x} and ${y}`),
        fc.tuple(tie('expression'), tie('expression')).map(([x, y]) => `${x} or ${y}`),
        tie('expression').map((x) => `not (${x})`),
        tie('expression').map((x) => `(${x})`),
      ),
    }))
    const event = fc.record({ f: fc.constantFrom('a', 'b', 'c'), g: fc.constantFrom('x', 'y', 'z') })
    fc.assert(
      fc.property(expression, event, (condition, given) => {
        expect(fires(`${sels}condition: ${condition}`, given)).toBe(
          oracle(ruleText(`${sels}condition: ${condition}`))(given),
        )
      }),
      { numRuns: 500 },
    )
  })
})

describe('bad rules', () => {
  const problem = (text: string) => read(text).problems.map(({ line, cause, hint }) => `${line}: ${cause} ${hint}`)
  test('each is named with line and cause', () => {
    expect(problem(ruleText("sel:\n  'f|contain': x\ncondition: sel"))).toEqual([
      '5: there is no modifier "contain" Did you mean "contains"?',
    ])
    expect(problem(ruleText('sel: { f: x }\ncondition: sell'))).toEqual([
      '5: the condition names "sell", and there is no such selection Did you mean "sel"?',
    ])
    expect(problem(ruleText("sel: { 'f|re': 'a(?=b)' }\ncondition: sel"))[0]).toMatch(/^4: .*/)
    expect(problem('title: [unclosed')[0]).toMatch(/^\d+: /)
    expect(problem(ruleText("sel: { 'f|cidr': 'x' }\ncondition: sel"))[0]).toContain('"x" is no network')
    expect(problem('title: T\nlogsource: {}\nlevel: hight\ndetection: { a: { b: c }, condition: a }')[0]).toContain(
      '"high"',
    )
    expect(problem('title: T')[0]).toContain('neither detection')
  })
  test('the others of a file stay', () => {
    const text = `${ruleText('sel: { f: x }\ncondition: sel')}\n---\ntitle: U\ndetection: { sel: { a: 1 }, condition: nope }\n---\n${ruleText('sel: { f: y }\ncondition: sel')}`
    const { documents, problems } = read(text)
    expect(documents).toHaveLength(2)
    expect(problems[0]!.line).toBe(8)
  })
  test('bombs are refused at once', () => {
    const aliases = Array.from(
      { length: 30 },
      (_, i) => `a${i}: &a${i} [${i === 0 ? 'x, x' : `*a${i - 1}, *a${i - 1}, *a${i - 1}`}]`,
    )
    expect(problem(`title: T\ndetection:\n  ${aliases.join('\n  ')}\n  condition: a29`).length).toBe(1)
    expect(problem(`title: ${'x'.repeat(2_000_000)}`)[0]).toContain('larger than')
    const many = Array.from({ length: 10_000 }, (_, i) => `s${i}: { f: ${i} }`).join('\n')
    expect(problem(ruleText(`${many}\ncondition: 1 of them`))[0]).toContain('selections')
    expect(problem(ruleText(`sel: { f: x }\ncondition: ${'('.repeat(500)}sel`))[0]).toContain('nested')
    expect(problem(ruleText(`sel: { f: x }\ncondition: ${'not '.repeat(6000)}sel`))[0]).toContain('words')
  })
})

describe('rules made to do harm', () => {
  const base = 'title: t\nlogsource: {}\ndetection:\n  sel: { f: a }\n  condition: sel\n'
  const levels = 'abcdefgh'
  /** Eight levels of ten: written out it has 100,000,000 words. */
  const bomb = [...levels]
    .map(
      (name, i) =>
        `${name}: &${name} [${Array(10)
          .fill(i === 0 ? 'x' : `*${levels[i - 1]}`)
          .join(', ')}]\n`,
    )
    .join('')

  test('aliases that grow are not written out, wherever they stand', () => {
    for (const where of [
      base.replace('title: t', 'title: *h'),
      base.replace('logsource: {}', 'logsource: { product: *h }'),
      base.replace('{ f: a }', '{ f: *h }'),
      base.replace('{ f: a }', '*h'),
    ])
      expect(read(bomb + where).problems, where).toHaveLength(1)
    const remark = read(`${bomb}${base}references: *h\nauthor: [A, B]\nfalsepositives:\n  - Unlikely: very\n`)
    expect(remark.problems).toEqual([])
    expect(remark.documents[0]!.meta).toMatchObject({ author: 'A, B', falsepositives: ['Unlikely: very'] })
  })

  test('a condition of many stars over a long name takes no time', () => {
    const text = `title: t\nlogsource: {}\ndetection:\n  ${'a'.repeat(60)}: { f: a }\n  condition: 1 of ${'a*'.repeat(25)}b\n`
    const startedMs = performance.now()
    expect(read(text).problems[0]!.cause).toMatch(/no selection is called like/)
    expect(performance.now() - startedMs).toBeLessThan(1000)
  })

  test('a file of a thousand documents is read once for their lines', () => {
    const wrong = base.replace('f: a', "'f|nomod': a")
    const startedMs = performance.now()
    const { documents, problems } = read([...Array(900).fill(base), ...Array(100).fill(wrong)].join('---\n'))
    expect([documents.length, problems.length]).toEqual([900, 100])
    expect(documents[899]!.meta.line).toBe(899 * 6 + 1)
    expect(problems[99]!.line).toBe(999 * 6 + 4)
    expect(performance.now() - startedMs).toBeLessThan(10_000)
  })
})

test('a percent behind a backslash is no placeholder', () => {
  expect(fires("sel: { 'f|expand': '\\%plain%admins%' }\ncondition: sel", { f: '%plainroot' })).toBe(true)
  expect(fires("sel: { 'f|expand': '\\%admins\\%' }\ncondition: sel", { f: '%admins%' })).toBe(true)
})

test('what refers to nothing, or to itself, is named', () => {
  const correlation = (name: string, rules: string) =>
    `title: C ${name}\nname: ${name}\ncorrelation: { type: event_count, rules: [${rules}], timespan: 5m, condition: { gte: 2 } }\n`
  const { documents } = read(
    [
      ruleText('sel: { f: a }').replace('title: T', 'title: T\nname: known'),
      correlation('good', 'known'),
      correlation('lost', 'knwon'),
      correlation('one', 'two'),
      correlation('two', 'one'),
    ].join('\n---\n'),
  )
  const set = {
    ...{ rules: documents.filter((one) => one.kind === 'rule'), filters: [], files: 1, problems: [] },
    correlations: documents.filter((one) => one.kind === 'correlation'),
  }
  expect(unmetReferences(set)).toMatchObject([
    { cause: '"C lost" refers to "knwon", and there is no such rule', hint: 'Did you mean "known"?' },
    { cause: expect.stringContaining('"C one" refers to itself') },
    { cause: expect.stringContaining('"C two" refers to itself') },
  ])
})

test('filters take out what they let pass', () => {
  const text = `title: R\nid: r1\nlogsource: { category: process_creation, product: windows }\ndetection: { sel: { Image: a }, condition: sel }
---
title: F\nlogsource: { category: process_creation, product: windows }\nfilter:\n  rules: [r1]\n  selection: { User: adm }\n  condition: selection\n`
  const { documents } = read(text)
  const engine = new SigmaEngine(
    documents.filter((one): one is SigmaRule => one.kind === 'rule'),
    documents.filter((one): one is SigmaFilter => one.kind === 'filter'),
    { taxonomy },
  )
  const event = { Channel: 'Microsoft-Windows-Sysmon/Operational', EventID: 1, Image: 'a' }
  expect(engine.match({ ...event, User: 'x' })).toHaveLength(1)
  expect(engine.match({ ...event, User: 'adm' })).toHaveLength(0)
  expect(engine.match({ ...event, EventID: 3 })).toHaveLength(0)
})

test('ECS and winlogbeat events are read under the names of rules', () => {
  const rules = rulesOf(
    'title: R\nlogsource: { product: windows, category: process_creation }\ndetection: { sel: { "Image|endswith": \\cmd.exe }, condition: sel }',
  )
  const engine = new SigmaEngine(rules, [], { taxonomy })
  const channel = { 'winlog.channel': 'Microsoft-Windows-Sysmon/Operational', 'winlog.event_id': 1 }
  expect(engine.match({ ...channel, 'winlog.event_data.Image': 'C:\\Windows\\cmd.exe' })).toHaveLength(1)
  expect(engine.match({ ...channel, 'process.executable': 'C:\\Windows\\cmd.exe' })).toHaveLength(1)
  const xml =
    '<Event><System><Provider Name="Linux-Sysmon"/><EventID>1</EventID><Channel>Linux-Sysmon/Operational</Channel></System><EventData><Data Name="Image">/bin/sh</Data><Data Name="CommandLine">sh -c &quot;x&quot;</Data></EventData></Event>'
  expect(lift({ SyslogMessage: xml })).toMatchObject({ EventID: '1', Image: '/bin/sh', CommandLine: 'sh -c "x"' })
})

test('findings carry author, licence and link', () => {
  const [rule] = readSigma(
    'pack/rules/linux/x.yml',
    `${ruleText('sel: { f: x }\ncondition: sel')}`.replace(
      'title: T',
      'title: T\nauthor: A. Author\nlicense: DRL 1.1\nlevel: high\ntags: [attack.credential-access, attack.t1110.001]',
    ),
    options,
  ).documents as SigmaRule[]
  expect(creditOf(rule!.meta)).toMatchObject({
    author: 'A. Author',
    license: 'DRL 1.1',
    link: expect.stringContaining('/rules/linux/x.yml'),
  })
  expect(findingOf(rule!.meta, { 'host.name': 'web-1' }, 5, 'e1')).toMatchObject({
    ...{ severity: 'high', labels: { 'host.name': 'web-1' }, title: 'T on web-1' },
    annotations: { 'rule.author': 'A. Author', tactics: 'credential-access', techniques: 'T1110.001' },
    description: expect.stringContaining('A. Author'),
  })
})

describe('what a rule says in Chinese', () => {
  const zh = (lines: string) =>
    readSigma(
      't.yml',
      ruleText('sel: { f: x }\ncondition: sel').replace('title: T', `title: T\nauthor: A\nguanlan:\n${lines}`),
      options,
    )

  test('goes with its findings, of whom they are told', () => {
    const { documents, problems } = zh('  title.zh: 标题\n  description.zh: 说明。\n  falsepositives.zh: 扫描')
    const [rule] = documents as SigmaRule[]
    expect(problems).toEqual([])
    expect(findingOf(rule!.meta, { 'host.name': 'web-1' }, 5, 'e1')).toMatchObject({
      title: 'T on web-1',
      annotations: {
        ...{ 'title.zh': '标题：web-1', 'rule.title.zh': '标题' },
        'description.zh': '说明。\n\n可能属正常情况：扫描。\n\n规则作者：A。',
      },
    })
    expect(findingOf(rule!.meta, {}, 5, 'e1').annotations['title.zh']).toBe('标题')
    const correlation = { meta: rule!.meta, conditions: [], timespanMs: 60_000 } as unknown as SigmaCorrelation
    const match = { correlation, group: { 'source.ip': '203.0.113.9' }, value: 3, firstMs: 1, atMs: 5, eventIds: [] }
    expect(correlationFinding(match, {})).toMatchObject({
      title: 'T: 203.0.113.9',
      annotations: { 'title.zh': '标题：203.0.113.9', summary: '3 within 60 s', 'summary.zh': '60 秒内达到 3' },
    })
  })

  test('is missing where the rule says nothing', () => {
    const [rule] = readSigma('t.yml', ruleText('sel: { f: x }\ncondition: sel'), options).documents as SigmaRule[]
    const names = Object.keys(findingOf(rule!.meta, {}, 5, 'e1').annotations)
    expect(names.filter((name) => name.endsWith('.zh'))).toEqual([])
  })

  test.each([
    ['  title.zh: [标题]', 'title.zh is not a text of 1 to 200 characters'],
    [`  title.zh: ${'题'.repeat(201)}`, 'title.zh is not a text of 1 to 200 characters'],
    ['  title.zh: ""', 'title.zh is not a text of 1 to 200 characters'],
    ['  titel.zh: 标题', 'guanlan has no key "titel.zh"'],
    ['  - 标题', 'guanlan is not a map'],
  ])('is named and left out where it cannot be taken: %.30s', (lines, cause) => {
    const { documents, problems } = zh(lines)
    expect(problems).toEqual([expect.objectContaining({ file: 't.yml', cause })])
    expect(documents[0]!.meta.zh.title).toBe('')
  })
})

test('a rule of others that stands in a folder called rules is not said to be of SigmaHQ', () => {
  const linkOf = (file: string) => {
    const text = ruleText('sel: { f: x }\ncondition: sel').replace(
      'title: T',
      'title: T\nreferences: [https://x.example/r]',
    )
    const [rule] = readSigma(file, text, options).documents as SigmaRule[]
    return creditOf(rule!.meta).link
  }
  for (const file of ['acme/rules/my-rule.yml', 'acme/rules/lab/x.yml', 'rules/sigma/linux/x.yml'])
    expect(linkOf(file)).toBe('https://x.example/r')
  expect(linkOf('p/rules-emerging-threats/2024/Malware/x_y.yml')).toMatch(
    /SigmaHQ.+master\/rules-emerging-threats\/2024/,
  )
})

describe('correlations', () => {
  const base = (name: string): string =>
    `title: ${name}\nname: ${name}\nlogsource: {}\ndetection: { sel: { kind: ${name} }, condition: sel }\n---\n`
  const at = (correlation: string, events: readonly [sec: number, kind: string, user: string, value?: unknown][]) => {
    const { documents, problems } = read(
      `${base('a')}${base('b')}title: C\nid: c1\ncorrelation:\n${correlation.replace(/^/gm, '  ')}`,
    )
    expect(problems).toEqual([])
    const rules = documents.filter((one): one is SigmaRule => one.kind === 'rule')
    const correlator = new Correlator(
      documents.filter((one): one is SigmaCorrelation => one.kind === 'correlation'),
      rules,
    )
    return events.flatMap(([sec, kind, user, value], i) => {
      const rule = rules.find(({ meta }) => meta.name === kind)!
      const event: Record<string, unknown> = { user, value, src: user }
      return correlator
        .apply(rule.meta, sec * 1000, String(i), (field) => event[field])
        .map((match) => `${sec} ${Object.values(match.group)} ${match.value}`)
    })
  }
  const count = 'type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: { gte: 3 }'
  test('windows slide, they are not cut at the clock', () => {
    expect(
      at(count, [
        [8, 'a', 'u'],
        [9, 'a', 'u'],
        [11, 'a', 'u'],
      ]),
    ).toEqual(['11 u 3'])
    expect(
      at(count, [
        [0, 'a', 'u'],
        [9, 'a', 'u'],
        [11, 'a', 'u'],
      ]),
    ).toEqual([])
  })
  test('groups do not leak into each other', () => {
    expect(
      at(count, [
        [1, 'a', 'u'],
        [2, 'a', 'v'],
        [3, 'a', 'u'],
        [4, 'a', 'v'],
      ]),
    ).toEqual([])
  })
  test('what comes late is counted where it belongs', () => {
    expect(
      at(count, [
        [1, 'a', 'u'],
        [5, 'a', 'u'],
        [14, 'a', 'u'],
        [4, 'a', 'u'],
      ]),
    ).toEqual(['4 u 3'])
    expect(
      at(count, [
        [1, 'a', 'u'],
        [30, 'a', 'u'],
        [2, 'a', 'u'],
        [3, 'a', 'u'],
      ]),
    ).toEqual([])
  })
  test('what comes late completes a window that the newest event has left behind', () => {
    expect(
      at(count, [
        [1, 'a', 'u'],
        [5, 'a', 'u'],
        [12, 'a', 'u'],
        [3, 'a', 'u'],
      ]),
    ).toEqual(['3 u 3'])
    const ordered = 'type: temporal_ordered\nrules: [a, b]\ngroup-by: [user]\ntimespan: 10s'
    expect(
      at(ordered, [
        [1, 'a', 'u'],
        [15, 'b', 'u'],
        [8, 'b', 'u'],
      ]),
    ).toEqual(['8 u 2'])
  })
  test('of too many groups the one that was silent longest is dropped and counted', () => {
    const { documents } = read(`${base('a')}title: C\ncorrelation:\n${count.replace(/^/gm, '  ')}`)
    const [rule] = documents.filter((one): one is SigmaRule => one.kind === 'rule')
    const correlations = documents.filter((one): one is SigmaCorrelation => one.kind === 'correlation')
    const groupsMax = 1000
    const correlator = new Correlator(correlations, [rule!], { limits: { ...correlationLimits, groupsMax } })
    const seen = (user: string): number => correlator.apply(rule!.meta, 1000, 'id', () => user).length
    expect([seen('kept'), seen('silent'), seen('silent'), seen('kept')]).toEqual([0, 0, 0, 0])
    for (let i = 0; i < groupsMax - 1; i++) seen(`one ${i}`)
    expect(correlator.counts.groupsDropped).toBe(1)
    expect([seen('kept'), seen('silent')]).toEqual([1, 0])
    for (let i = 0; i < 3 * groupsMax; i++) seen(`other ${i}`)
    expect(correlator.counts.groupsDropped).toBe(3 * groupsMax + 2)
    expect(seen('kept')).toBe(0)
    expect(correlator.kept).toEqual({ groups: groupsMax, items: groupsMax })
  })
  test('a match is told once, and again when it came anew', () => {
    expect(
      at(count, [
        ...[1, 2, 3, 4, 5].map((sec): [number, string, string] => [sec, 'a', 'u']),
        [40, 'a', 'u'],
        [41, 'a', 'u'],
        [42, 'a', 'u'],
      ]),
    ).toEqual(['3 u 3', '42 u 3'])
  })
  test('distinct values within the window', () => {
    const values = 'type: value_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: { field: value, gte: 3 }'
    expect(
      at(values, [
        [1, 'a', 'u', 'x'],
        [2, 'a', 'u', 'x'],
        [3, 'a', 'u', 'y'],
        [12, 'a', 'u', 'z'],
      ]),
    ).toEqual(['12 u 3'])
    expect(
      at(values, [
        [1, 'a', 'u', 'x'],
        [2, 'a', 'u', 'y'],
        [13, 'a', 'u', 'z'],
      ]),
    ).toEqual([])
  })
  test('sums, averages, medians', () => {
    const of = (type: string, condition: string) =>
      `type: ${type}\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: { field: value, ${condition} }`
    const events: [number, string, string, number][] = [
      [1, 'a', 'u', 100],
      [2, 'a', 'u', 300],
      [20, 'a', 'u', 500],
    ]
    expect(at(of('value_sum', 'gt: 350'), events)).toEqual(['2 u 400', '20 u 500'])
    expect(at(of('value_avg', 'gt: 150, lt: 250'), events)).toEqual(['2 u 200'])
    expect(at(of('value_median', 'gte: 500'), events)).toEqual(['20 u 500'])
    expect(at(of('value_percentile', 'percentile: 90, gte: 300'), events)).toEqual(['2 u 300', '20 u 500'])
  })
  test('nearness in time, with and without order', () => {
    const temporal = (type: string) => `type: ${type}\nrules: [a, b]\ngroup-by: [user]\ntimespan: 10s`
    const forwards: [number, string, string][] = [
      [1, 'a', 'u'],
      [5, 'b', 'u'],
    ]
    const backwards: [number, string, string][] = [
      [1, 'b', 'u'],
      [5, 'a', 'u'],
    ]
    expect(at(temporal('temporal'), backwards)).toEqual(['5 u 2'])
    expect(at(temporal('temporal_ordered'), forwards)).toEqual(['5 u 2'])
    expect(at(temporal('temporal_ordered'), backwards)).toEqual([])
    expect(
      at(temporal('temporal_ordered'), [
        [5, 'b', 'u'],
        [3, 'a', 'u'],
      ]),
    ).toEqual(['3 u 2'])
    expect(
      at(temporal('temporal_ordered'), [
        [1, 'a', 'u'],
        [15, 'b', 'u'],
      ]),
    ).toEqual([])
  })
  test('aliases name one thing that two rules call differently', () => {
    const aliased =
      'type: temporal\nrules: [a, b]\ngroup-by: [who]\ntimespan: 10s\naliases: { who: { a: user, b: src } }'
    expect(
      at(aliased, [
        [1, 'a', 'u'],
        [2, 'b', 'u'],
      ]),
    ).toEqual(['2 u 2'])
  })
  test('sliding counts agree with counting anew, also when events come out of order', () => {
    const event = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom('u', 'v'))
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const found =
          at(
            count,
            events.map(([sec, user]): [number, string, string] => [sec, 'a', user]),
          ).length > 0
        // Some window of ten seconds holds three of one user, all of them within reach when they came.
        const expected = ['u', 'v'].some((user) => {
          const kept: number[] = []
          return events.some(([sec, who]) => {
            if (who !== user) return false
            if (sec < Math.max(-1e9, ...kept) - 10) return false
            kept.push(sec)
            const newest = Math.max(...kept)
            // What had left the newest window before is gone.
            const reach = kept.filter((one) => one >= newest - 10 || one >= sec - 10)
            return reach.some((from) => reach.filter((one) => one >= from && one <= from + 10).length >= 3)
          })
        })
        if (found) expect(expected).toBe(true)
        const inOrder = events.every(([sec], i) => i === 0 || sec >= events[i - 1]![0])
        if (inOrder) expect(found).toBe(expected)
      }),
      { numRuns: 500 },
    )
  })
})
