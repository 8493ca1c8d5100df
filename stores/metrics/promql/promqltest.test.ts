import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runScript } from './promqltest.ts'

const folder = resolve(import.meta.dirname, '../../../../shared/data/promql')
const scripts = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.test')) : []

describe("Prometheus's own PromQL scripts", () => {
  it.skipIf(scripts.length === 0)(
    'every eval passes, instant ones as range queries and pinned by @ too; none is skipped',
    async () => {
      let passed = 0
      const failures: string[] = []
      for (const file of scripts) {
        const result = await runScript(readFileSync(join(folder, file), 'utf8'))
        passed += result.passed
        failures.push(...result.failures.map(({ line, query, why }) => `${file}:${line}: ${query}: ${why}`))
        expect(result.skipped).toEqual([])
      }
      console.log(`promqltest: ${passed} evals pass, ${failures.length} fail`)
      expect(failures).toEqual([])
      expect(passed).toBe(1340)
    },
    120_000,
  )

  it('a script that expects something wrong fails', async () => {
    const result = await runScript('load 1m\n  m 1 2 3\neval instant at 1m m\n  m 3\neval instant at 1m m\n  m 2\n')
    expect(result).toMatchObject({ passed: 1, failures: [{ line: 3 }] })
  })

  it('wrong annotations, orders, hints and failures fail', async () => {
    const load = 'load 1m\n  m{a="1"} {{sum:1 count:1}}+{{sum:1 count:1}}x5\n  f{a="1"} 2\n  f{a="2"} 1\n'
    for (const wrong of [
      'eval instant at 1m rate(m[2m])\n  expect warn\n  {a="1"} {{}}\n',
      'eval instant at 1m m\n  m{a="1"} {{sum:2 count:2 counter_reset_hint:reset}}\n',
      'eval instant at 0 sort(f)\n  expect ordered\n  f{a="1"} 2\n  f{a="2"} 1\n',
      'eval instant at 0 f\n  expect fail\n',
      'eval instant at 0 f +\n  f{a="1"} 2\n',
      'eval instant at 0 f + on() f\n  expect fail msg: something else\n',
      'load bad\n  x 1\n',
    ])
      expect((await runScript(load + wrong)).failures, wrong).toHaveLength(1)
  })

  it.each([
    ['a line that is no command', 'load 1m\n  m 1\n\nevla instant at 0 m\n  m 1\n', 4],
    ['a series below an empty line', 'load 1m\n  m 1\n\n  m 2\n', 4],
    ['something before the first command', '\n# a comment\nm 1\n', 3],
    ['a series that cannot be read', 'load 1m\n  m 1\n  # well\n  n 1 2 3y\n', 4],
    ['an expectation that cannot be read', 'eval instant at 0 1\n  expect nothing\n', 2],
    ['values that cannot be read', 'eval instant at 0 1\n  {} 1..2\n', 2],
    ['an interval of nothing', 'load 0s\n  m 1\n', 1],
    ['an interval that is none', 'load soon\n  m 1\n', 1],
    ['a time that is none', 'eval instant at noon 1\n  1\n', 1],
    ['a range that ends before it starts', 'eval range from 5m to 0 step 1m 1\n', 1],
    ['an order of a range', 'eval range from 0 to 1m step 1m 1\n  expect ordered\n  {} 1 1\n', 1],
    ['an eval of no kind', 'eval_often instant at 0 1\n  1\n', 1],
    ['what cannot both be', 'eval instant at 0 1\n  expect warn\n  expect no_warn\n', 1],
  ])('names the line of %s', async (_, script, line) => {
    const { failures } = await runScript(script)
    expect(failures.map((one) => one.line)).toEqual([line])
    expect(failures[0]!.why).not.toMatch(/\n\s+at /)
  })

  it('comments may stand between the lines of a command', async () => {
    const result = await runScript(
      'load 1m\n  # first\n  m 1\n# second\n  n 2\neval instant at 0 m + on() n\n  # so\n  {} 3\n',
    )
    expect(result).toMatchObject({ passed: 1, failures: [] })
  })

  it('refuses nesting and expressions beyond the limits with a position', async () => {
    const result = await runScript(
      `eval_fail instant at 0 ${'('.repeat(1000)}1${')'.repeat(1000)}\neval_fail instant at 0 m{a=~"(a+)+\\\\1"}\n`,
    )
    expect(result.failures).toEqual([])
  })
})

describe('semantics beyond the scripts at hand', () => {
  const passes = async (script: string) => expect((await runScript(script)).failures).toEqual([])

  it('fill gives series without partner a value, on either side', () =>
    passes(`load 1m
  l{a="1"} 1
  l{a="2"} 2
  r{a="2"} 20
  r{a="3"} 30
eval instant at 0 l + fill(0) r
  {a="1"} 1
  {a="2"} 22
  {a="3"} 30
eval instant at 0 l - fill_right(5) r
  {a="1"} -4
  {a="2"} -18
eval instant at 0 l * fill_left(-1) r
  {a="2"} 40
  {a="3"} -30
`))

  it('fill under group_right keeps its sides: fill_left fills the one side; its words are names elsewhere', () =>
    passes(`load 1m
  one{i="a"} 100
  one{i="c"} 300
  many{i="a",cpu="0"} 2
  many{i="b",cpu="0"} 3
  fill{i="a"} 7
  fill_left{i="z"} 8
eval instant at 0 one - on(i) group_right fill_left(1) many
  {i="a",cpu="0"} 98
  {i="b",cpu="0"} -2
eval instant at 0 one - on(i) group_right fill_right(4) many
  {i="a",cpu="0"} 98
  {i="c"} 296
eval instant at 0 many - on(i) group_left fill_left(4) one
  {i="a",cpu="0"} -98
  {i="c"} -296
eval instant at 0 one + fill
  {i="a"} 107
eval instant at 0 fill + fill_right (1) fill_left
  {i="a"} 8
`))

  it('start timestamps count at the borders of anchored and smoothed ranges, and in histograms', () =>
    passes(`load 1m
  began@st   _x4 -2m
  began      _x4 60
  h@st       _ _ -1mx5
  h          _ _ {{schema:0 sum:5 count:10 buckets:[10]}}x5
  lone@st    _ _ -30s
  lone       _ _ {{schema:0 sum:5 count:10 buckets:[10]}}
  c_total@st _ _ -90s -90s
  c_total    _ _ 5    6
eval instant at 4m increase(began[1m] anchored)
  {} 60
eval instant at 4m increase(began[1m] smoothed)
  {} 30
eval instant at 4m increase(began[1m])
eval instant at 6m histogram_count(increase(h[3m]))
  {} 30
eval instant at 6m resets(h[3m])
  {} 2
eval instant at 2m histogram_count(increase(lone[2m]))
  {} 10
eval instant at 3m increase(c_total[2m])
  expect warn msg: PromQL warning: sample has start time that overlaps with previous sample timestamp for metric "c_total" (1:10)
  {} 2
eval instant at 3m start_timestamp(c_total)
  {} 90
eval instant at 3m start_timestamp(c_total + 0)
`))

  it('anchored and smoothed take native histograms, and frame a range that is the result itself', () =>
    passes(`load 1m
  h {{schema:0 sum:1 count:2 buckets:[2]}}+{{schema:0 sum:1 count:2 buckets:[2]}}x4
  g 1 3 5 7
  both 1 2 {{schema:0 sum:1 count:2 buckets:[2]}}
eval instant at 90s h smoothed
  h {{schema:0 sum:2.5 count:5 buckets:[5]}}
eval instant at 3m histogram_count(increase(h[1m30s] smoothed))
  {} 3
eval instant at 3m histogram_count(increase(h[1m30s] anchored))
  {} 4
eval instant at 3m changes(both[2m] anchored)
  {} 1
eval instant at 3m g[2m] anchored
  expect range vector from 1m to 3m step 1m
  g 3 5 7
eval instant at 90s both smoothed
  expect warn
eval instant at 3m h[2m] anchored
  expect fail msg: anchored modifier is not supported with histograms
`))

  it('integral() adds up areas by the chosen rule, NaN as zero', () =>
    passes(`load 10s
  m 1 2 4 NaN 8
  big 1.7e307 1.7e307
eval instant at 40s integral(m[50s])
  {} 105
eval instant at 40s integral(m[50s], 0)
  {} 70
eval instant at 40s integral(m[50s], 1)
  {} 140
eval instant at 40s integral(m[50s], 3)
  expect warn msg: PromQL warning: strategy should be 0, 1, or 2 (default), using 2, got 3
  {} 105
eval instant at 10s integral(big[20s])
  {} 1.7e308
`))

  it('metadata labels do not count where labels are compared, and go where the name goes', () =>
    passes(`load 1m
  used{__type__="gauge",__unit__="bytes",i="a"} 5
  all{__type__="counter",__unit__="bytes",i="a"} 10
eval instant at 0 used / all
  {i="a"} 0.5
eval instant at 0 sum without (x) (used)
  {i="a"} 5
eval instant at 0 sum by (__type__) (used)
  {__type__="gauge"} 5
eval instant at 0 absent(none{__type__="gauge",i="b"})
  {i="b"} 1
`))

  it('names of any script and dots need no quotes; digits and marks of other scripts do', () =>
    passes(`load 1m
  {"办件.总数", "部门"="民政"} 3
eval instant at 0 办件.总数{部门="民政"}
  {"办件.总数", "部门"="民政"} 3
eval instant at 0 sum by (部门) (办件.总数)
  {"部门"="民政"} 3
eval instant at 0 .总数
  expect fail
eval instant at 0 x١
  expect fail
`))

  it('an infinite neighbour does not count at a rank of its own', () =>
    passes(`load 1m
  m{i="a"} 1
  m{i="b"} 2
  m{i="c"} Inf
eval instant at 0 quantile(0.5, m)
  {} 2
eval instant at 0 quantile(0.75, m)
  {} +Inf
`))

  it('a sample that says since when it counts is a reset where it began anew, and counts from zero inside the range', () =>
    passes(`load 1m
  deltas@st  _ _ -1mx5
  deltas     _ _ 10x5
  once@st    _ _ _ _ -90s
  once       _ _ _ _ 6
  reset@st   _ -30s -1m30s -2m30s -10s -1m10s
  reset      _ 5    6      7      8    9
  older@st   _ -1h -1h1m -1h2m
  older      _ 5 6 7
eval instant at 6m increase(deltas[3m])
  {} 30
eval instant at 6m resets(deltas[3m])
  {} 2
eval instant at 6m irate(deltas[3m])
  {} 0.16666666666666666
eval instant at 5m increase(once[3m])
  {} 6
eval instant at 5m increase(once[150s])
eval instant at 5m increase(reset[5m])
  {} 16
eval instant at 3m increase(older[3m])
  {} 3
eval instant at 6m increase(deltas[3m:1m])
  {} 0
`))

  it('duplicates on one side are no error where the other has nothing', () =>
    passes(`load 1m
  one 1 _x10 1
  two{a="1"} 1x11
  two{a="2"} 1x11
eval instant at 7m one + on() two
eval instant at 7m two + on() group_right() one
eval instant at 0 one + on() two
  expect fail
eval range from 6m to 10m step 1m one + on() two
`))

  it('anchored and smoothed take in the samples around the borders, without extrapolation', () =>
    passes(`load 15s
  c_total 0+10x20
eval instant at 100s increase(c_total[60s] anchored)
  {} 40
eval instant at 100s increase(c_total[60s] smoothed)
  {} 40
eval instant at 100s rate(c_total[60s] smoothed)
  {} 0.6666666666666666
eval instant at 100s c_total smoothed
  c_total 66.66666666666667
eval instant at 100s sum_over_time(c_total[60s] anchored)
  expect fail msg: anchored modifier can only be used with: changes, delta, increase, rate, resets - not with sum_over_time
`))

  it('info() adds the labels of target_info with the same job and instance', () =>
    passes(`load 1m
  m{job="a",instance="1"} 5
  m{job="b",instance="1"} 6
  target_info{job="a",instance="1",region="gd",zone="z"} 1
eval instant at 0 info(m)
  m{job="a",instance="1",region="gd",zone="z"} 5
  m{job="b",instance="1"} 6
eval instant at 0 info(m, {region=~".+"})
  m{job="a",instance="1",region="gd"} 5
`))

  it('info() told only which metric not to use uses the others that end in _info', () =>
    passes(`load 1m
  m{job="a",instance="1"} 5
  other{job="a",instance="1",region="no"} 1
  target_info{job="a",instance="1",region="gd"} 1
  build_info{job="a",instance="1",version="3"} 1
eval instant at 0 info(m, {__name__!="target_info"})
  m{job="a",instance="1",version="3"} 5
eval instant at 0 info(m, {__name__!~".+_info", region=~".+"})
eval instant at 0 info(build_info, {__name__=~"target_.+", __name__=~".+_info"})
  build_info{job="a",instance="1",version="3",region="gd"} 1
`))

  it('info() looks for labels at the time of the first selector in its argument, and follows names that are not meant', () =>
    passes(`load 1m
  m{job="a"} 1 2 3 4 5 6
  target_info{job="a",v="1"} 1 1 1 stale
  target_info{job="a",v="2"} _ _ _ 1 1 1
  build_info{job="a",b="x"} 1x5
eval instant at 5m info(abs(m offset 3m))
  {job="a",v="1"} 3
eval instant at 5m info(1 + m offset 3m)
  {job="a",v="1"} 4
eval instant at 5m info(abs(m @ 60))
  {job="a",v="1"} 2
eval instant at 5m info(m, {__name__!="target_info"})
  m{job="a",b="x"} 6
eval instant at 5m info(m, {__name__!~".+_info", b=~".+"})
eval instant at 5m info(m, {__name__!~".+_info", b=~".*"})
  m{job="a"} 6
`))

  it('an annotation may be expected with its position or without', async () => {
    const load = 'load 1m\n  m 1\n'
    const warned = (text: string) => `${load}eval instant at 0 quantile(2, m)\n  expect warn msg: ${text}\n  {} +Inf\n`
    const text = 'PromQL warning: quantile value should be between 0 and 1, got 2'
    await passes(warned(text))
    await passes(warned(`${text} (1:10)`))
    expect((await runScript(warned(`${text} (1:9)`))).failures).toHaveLength(1)
  })

  it('trim operators keep part of a native histogram', () =>
    passes(`load 1m
  h {{schema:-53 sum:15 count:6 custom_values:[1 2 4] buckets:[1 2 3]}}
eval instant at 0 h </ 2
  h {{schema:-53 sum:3.5 count:3 custom_values:[1 2 4] buckets:[1 2]}}
eval instant at 0 h >/ 2
  h {{schema:-53 sum:9 count:3 custom_values:[1 2 4] offset:2 buckets:[3]}}
`))
})
