import { describe, expect, it } from 'vitest'
import { placeAt, proposals } from './complete.ts'
import { comparedIn } from './threshold.ts'
import { measuredBy } from './unit.ts'

const at = (marked: string) => placeAt(marked.replace('|', ''), marked.indexOf('|'))

describe('where the cursor stands', () => {
  it('a metric or a function', () => {
    expect(at('|')).toMatchObject({ kind: 'expression', typed: '' })
    expect(at('sum(rat|')).toMatchObject({ kind: 'expression', typed: 'rat', from: 4 })
    expect(at('rate(node_|[5m])')).toMatchObject({ kind: 'expression', typed: 'node_', from: 5 })
  })
  it('a label of the metric', () => {
    expect(at('up{jo|')).toMatchObject({ kind: 'label', typed: 'jo', from: 3, metric: 'up' })
    expect(at('up{job="a",|}')).toMatchObject({ kind: 'label', typed: '', metric: 'up' })
    expect(at('sum by (ins|) (up)')).toMatchObject({ kind: 'label', typed: 'ins' })
  })
  it('a value of the label', () => {
    expect(at('up{job="no|"}')).toMatchObject({ kind: 'value', typed: 'no', from: 8, label: 'job', metric: 'up' })
    expect(at('{job=~"|')).toMatchObject({ kind: 'value', typed: '', label: 'job', metric: undefined })
  })
  it('nothing in a range, in a number, or after what is complete', () => {
    for (const text of ['rate(up[5|', 'up > 12|', 'up{job="a"|', 'up |', 'sum(up) |', 'up{job |'])
      expect(at(text), text).toBeUndefined()
  })
})

it('what begins with the word comes before what holds it', () => {
  expect(proposals(['a_up', 'up', 'upper'], 'up', 5)).toEqual(['upper', 'a_up'])
})

describe('what an alert compares', () => {
  it.each([
    ['rate(x[5m]) > 3', 'rate(x[5m])', 3],
    ['(up == 0)', 'up', 0],
    ['up{job=~"a>b"} == bool 0 and on (job) y > 2', 'up{job=~"a>b"}', 0],
    ['0.9 < a / b', 'a / b', 0.9],
    ['a > b', 'a', undefined],
    ['absent(up)', 'absent(up)', undefined],
    ['(a > 1) / (b > 2)', '(a > 1) / (b > 2)', undefined],
    ['x > -1e3', 'x', -1000],
  ])('%s', (expr, left, threshold) => {
    expect(comparedIn(expr)).toEqual({ expr: left, threshold })
  })
})

describe('the unit of an expression', () => {
  it.each([
    ['node_memory_MemAvailable_bytes', 'bytes', false],
    ['rate(node_network_receive_bytes_total[2m])', 'bytes', true],
    ['sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[2m]))', 'ratio', false],
    ['histogram_quantile(0.9, rate(http_request_duration_seconds_bucket[5m]))', 'seconds', false],
    ['sum(rate(http_requests_total[5m]))', '', true],
    ['a_bytes / b_bytes', '', false],
    ['count(a_bytes)', '', false],
    ['disk_free', 'bytes', false],
    ['instance:node_memory_available:ratio', 'ratio', false],
    ['instance:node_cpu_busy:ratio_rate5m', 'ratio', false],
  ] as const)('%s', (expr, unit, perSecond) => {
    expect(measuredBy(expr, { disk_free: [{ type: 'gauge', help: '', unit: 'bytes' }] })).toEqual({ unit, perSecond })
  })
})
