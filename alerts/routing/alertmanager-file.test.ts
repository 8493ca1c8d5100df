import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readAlertmanagerFile } from './alertmanager-file.ts'
import { type Route, routesFor } from './route-tree.ts'

const file = `route:
  receiver: everyone
  group_by: [alertname]
  routes:
    - matchers: ['team=~"db|sql"', '{severity!="info"}']
      receiver: database
      group_by: ['...']
      group_wait: 10s
      continue: true
      mute_time_intervals: [nights]
      routes:
        - match: { severity: critical }
          receiver: pager
          repeat_interval: 1h
    - match_re: { team: 'd.' }
      receiver: copy
      group_by: []
receivers: [{ name: everyone }, { name: database }, { name: pager }, { name: copy }]
time_intervals: [{ name: nights, time_intervals: [{ times: [{ start_time: '00:00', end_time: '06:00' }] }] }]
`
const routesOf = (text: string, labels: Record<string, string>): Route[] =>
  routesFor(readAlertmanagerFile('a.yml', text).routing!.root, labels)
const receivers = (labels: Record<string, string>): string[] => routesOf(file, labels).map((route) => route.receiver)

test('an alert goes to the deepest route that matches, and on where continue is set', () => {
  expect(receivers({ team: 'db', severity: 'critical' })).toEqual(['pager', 'copy'])
  expect(receivers({ team: 'sql', severity: 'warning' })).toEqual(['database'])
  expect(receivers({ team: 'db', severity: 'info' })).toEqual(['copy'])
  expect(receivers({ team: 'dbx' })).toEqual(['everyone'])
})

test('a child has what its parent says, but for time intervals; an empty group_by says nothing', () => {
  const [pager, copy] = routesOf(file, { team: 'db', severity: 'critical' })
  expect(pager).toMatchObject({ path: 'route.routes[0].routes[0]', groupBy: ['...'], groupWaitMs: 10_000 })
  expect(pager).toMatchObject({ repeatIntervalMs: 3_600_000, muteTimeIntervals: [] })
  expect(copy).toMatchObject({ groupBy: ['alertname'], groupWaitMs: 30_000, groupIntervalMs: 300_000 })
})

test('routes with the same matchers are told apart', () => {
  const twins = file.replace("match_re: { team: 'd.' }", `matchers: ['severity!="info"', 'team=~"db|sql"']`)
  const ids = routesOf(twins, { team: 'sql', severity: 'low' }).map(({ id, key }) => [id === key, key])
  expect(ids[0]![1]).toBe(ids[1]![1])
  expect(ids.map(([first]) => first)).toEqual([true, false])
})

test('a route to nobody and a bad matcher are named with their line', () => {
  const broken = file.replace('receiver: pager', 'receiver: pagr').replace('team=~"db|sql"', 'team~db')
  const { routing, problems } = readAlertmanagerFile('a.yml', broken)
  expect(routing).toBeUndefined()
  expect(problems.map(({ line }) => line).sort((a, b) => a - b)).toEqual([5, 13])
})

const amtool = (...args: string[]): string =>
  execFileSync('amtool', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()

const minimal = 'receivers: [{ name: a }]\n'
const interval = (part: string): string =>
  `${minimal}route: { receiver: a }\ntime_intervals: [{ name: n, time_intervals: [${part}] }]\n`
const range = (key: string, texts: string[]): string[] => texts.map((text) => interval(`{ ${key}: ['${text}'] }`))
const times = (list: [string, string][]): string[] =>
  list.map(([from, to]) => interval(`{ times: [{ start_time: '${from}', end_time: '${to}' }] }`))
const route = (part: string): string => `${minimal}route: ${part}\n`
const cases = [
  ...range('weekdays', ['monday:friday', 'saturday:sunday', 'Monday', 'mon', '1', 'monday:', 'sunday:saturday']),
  ...range('days_of_month', ['1:5', '0', '-1', '-3:-1', '-1:-3', '31', '32', '5:1', '1:-1', '-5:5', '28:-1', '27:-1']),
  ...range('days_of_month', ['10:-20', '27:-2', '-31:-31', '1:-28', '1:-27', 'x', '']),
  ...range('months', ['january', '1', '1:3', 'march:january', 'january:3', 'Jan', 'December']),
  ...range('years', ['2020', '2020:2022', '2022:2020', 'x']),
  ...times([
    ...([['00:00', '24:00'] as const, ['9:00', '10:00'], ['09:00', '09:00'], ['23:00', '01:00']] as [string, string][]),
    ...([['24:00', '24:00'] as const, ['09:00', '24:01'], ['23:59', '24:00']] as [string, string][]),
  ]),
  ...['Asia/Shanghai', 'UTC', 'Mars/Olympus', 'Local', ''].map((zone) => interval(`{ location: '${zone}' }`)),
  interval('{ years: [2020], days_of_month: [1], months: [3] }'),
  interval('{ weekday: [monday] }'),
  ...["'...', x", 'x, x', 'x', "'...'", "''", "'a-b'"].map((list) => route(`{ receiver: a, group_by: [${list}] }`)),
  ...['0s', '30s', '1h30m', '1d', '2w', '30', '1m1h', '-5s', '0', ''].map((text) =>
    route(`{ receiver: a, group_interval: '${text}' }`),
  ),
  ...['0s', '0', '5'].map((text) => route(`{ receiver: a, group_wait: '${text}' }`)),
  route('{ receiver: a, continue: true }'),
  route('{ receiver: a, matchers: [a=b] }'),
  route('{ receiver: b }'),
  route('{ routes: [] }'),
  route('{ receiver: a, routes: [{ mute_time_intervals: [n] }] }'),
  route('{ receiver: a, routes: [{ reciever: a }] }'),
  ...['a=b', 'a=b, c=~"d|e"', '{a="b",c!~"d"}', 'a', '=b', 'a=~"("', 'a=b,', 'a="b', 'a=~b"', 'a=', '1a=b'].map(
    (text) => route(`{ receiver: a, routes: [{ matchers: ['${text}'] }] }`),
  ),
  `${route('{ receiver: a }')}inhibit_rules: [{ source_match: { a: b }, target_match_re: { c: d }, equal: [x] }]\n`,
  `${route('{ receiver: a }')}inhibit_rules: [{ source_matchers: [a=b], target_matchers: ['c=~"("'] }]\n`,
  ...[
    '{ to: a@example.org }',
    "{ to: a@example.org, smarthost: 'm:25' }",
    "{ to: a@example.org, smarthost: 'm:25', from: b@example.org }",
    "{ smarthost: 'm:25', from: b@example.org }",
    "{ to: a@example.org, smarthost: 'm:25', from: b@example.org, auth_password: p, auth_identity: i, hello: h }",
    "{ to: a@example.org, smarthost: 'm:25', from: b@example.org, headers: { Subject: x }, html: '', text: x }",
    "{ to: a@example.org, smarthost: 'm:25', from: b@example.org, require_tls: maybe }",
    "{ to: a@example.org, smarthost: 'm:25', from: b@example.org, tls_config: { insecure_skip_verify: true } }",
    "{ to: a@example.org, smarthost: 'm:25', from: b@example.org, nonsense: 1 }",
  ].map((email) => `receivers: [{ name: a, email_configs: [${email}] }]\nroute: { receiver: a }\n`),
  ...["smtp_smarthost: 'm:25', smtp_from: b@example.org", "smtp_smarthost: 'm:25'", 'smtp_require_tls: false', ''].map(
    (global) =>
      `global: { ${global} }\nreceivers: [{ name: a, email_configs: [{ to: a@example.org }] }]\nroute: { receiver: a }\n`,
  ),
  'receivers: [{ name: a }, { name: a }]\nroute: { receiver: a }\n',
  `${interval('{}')}mute_time_intervals: [{ name: n, time_intervals: [] }]\n`,
]

describe.skipIf(!existsSync('/usr/bin/amtool'))('beside amtool', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'guanlan-amtool-'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  test('a file is refused when amtool refuses it, and taken when it takes it', () => {
    const path = join(directory, 'case.yml')
    const verdicts = cases.map((text) => {
      writeFileSync(path, text)
      const theirs = spawnSync('amtool', ['check-config', path]).status === 0
      return { text, theirs, ours: readAlertmanagerFile('case.yml', text).problems.length === 0 }
    })
    expect(verdicts.filter(({ ours, theirs }) => ours !== theirs)).toEqual([])
    expect(verdicts.filter(({ theirs }) => theirs).length).toBeGreaterThan(20)
  })

  test('label sets go to the receivers that `amtool config routes test` names', () => {
    const path = join(directory, 'routes.yml')
    writeFileSync(path, file)
    const values = { team: ['', 'db', 'sql', 'dx', 'dbx', 'net'], severity: ['', 'info', 'warning', 'critical'] }
    for (const team of values.team)
      for (const severity of values.severity) {
        const labels = { ...(team ? { team } : {}), ...(severity ? { severity } : {}) }
        const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
        const theirs = amtool('config', 'routes', 'test', `--config.file=${path}`, ...pairs)
        expect(receivers(labels).join(','), pairs.join(' ')).toBe(theirs)
      }
  })

  test('in trees of any shape, labels go where amtool says', () => {
    const path = join(directory, 'random.yml')
    const value = fc.constantFrom('a', 'b', 'c')
    const matcher = fc
      .tuple(
        fc.constantFrom('x', 'y', 'z'),
        fc.constantFrom('=', '!=', '=~', '!~'),
        fc.constantFrom('a', 'b', 'a|c', ''),
      )
      .map(([name, operator, text]) => `${name}${operator}"${text}"`)
    const node = (routes: fc.Arbitrary<RandomRoute[]>): fc.Arbitrary<RandomRoute> =>
      fc.record({ matchers: fc.array(matcher, { maxLength: 2 }), continue: fc.boolean(), routes })
    const leaves = fc.array(node(fc.constant([])), { maxLength: 3 })
    const tree = node(fc.array(node(leaves), { maxLength: 3 }))
    const labelSets = fc.array(fc.dictionary(fc.constantFrom('x', 'y', 'z'), value), { minLength: 3, maxLength: 3 })
    let taken = 0
    fc.assert(
      fc.property(fc.array(tree, { minLength: 1, maxLength: 4 }), labelSets, (routes, sets) => {
        let count = 0
        const name = ({ routes: below, ...rest }: RandomRoute): object => ({
          ...{ ...rest, receiver: `r${count++}`, routes: below.map(name) },
        })
        const root = { receiver: 'root', routes: routes.map(name) }
        const list = ['root', ...Array.from({ length: count }, (_, i) => `r${i}`)]
        const text = JSON.stringify({ route: root, receivers: list.map((one) => ({ name: one })) })
        writeFileSync(path, text)
        for (const labels of sets) {
          const pairs = Object.entries(labels).map(([label, of]) => `${label}=${of}`)
          const theirs = amtool('config', 'routes', 'test', `--config.file=${path}`, ...pairs)
          const ours = routesOf(text, labels).map((route) => route.receiver)
          expect(ours.join(',')).toBe(theirs)
          if (ours[0] !== 'root') taken++
        }
      }),
      { numRuns: 25, seed: 3 },
    )
    expect(taken).toBeGreaterThan(20)
  })
})

interface RandomRoute {
  matchers: string[]
  continue: boolean
  routes: RandomRoute[]
}
