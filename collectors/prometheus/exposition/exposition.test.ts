import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { MetricMetadata } from '#core/sample.ts'
import { decodeText } from '../decode.ts'
import { classicRules, parseClassic } from './classic.ts'
import { parseOpenMetrics } from './openmetrics.ts'
import { type PrintedSample, printClassic } from './print.ts'
import { type ExpositionVisitor, parseSeries } from './scan.ts'

const data = join(import.meta.dirname, '../../../../shared/data/openmetrics')
const hasData = existsSync(data)

function collect(parse: (text: string, visitor: ExpositionVisitor) => void, text: string) {
  const samples: PrintedSample[] = []
  const metadata: MetricMetadata[] = []
  parse(text, {
    sample: (series, value, timestampMs, line) => {
      samples.push({ labels: parseSeries(series, line, classicRules), value, timestampMs })
    },
    metadata: (entry) => void metadata.push(entry),
  })
  return { samples, metadata }
}

describe('the text formats', () => {
  it.skipIf(!hasData)('gives the right verdict on all 105 OpenMetrics cases (needs ../shared/data/openmetrics)', () => {
    const wrong: string[] = []
    const right = { accept: 0, refuse: 0 }
    for (const name of readdirSync(join(data, 'cases'))) {
      const { shouldParse } = JSON.parse(readFileSync(join(data, 'cases', name, 'test.json'), 'utf8'))
      const bytes = readFileSync(join(data, 'cases', name, 'metrics'))
      let verdict = ''
      try {
        collect(parseOpenMetrics, decodeText(bytes))
      } catch (error) {
        verdict = (error as Error).message
      }
      if ((verdict === '') !== shouldParse) wrong.push(`${name}: ${verdict || 'accepted'}`)
      else right[shouldParse ? 'accept' : 'refuse']++
    }
    console.log(`openmetrics: accepted ${right.accept} of 22, refused ${right.refuse} of 83`)
    expect(wrong).toEqual([])
    expect(right).toEqual({ accept: 22, refuse: 83 })
  })

  it.skipIf(!hasData)('reads a whole node_exporter, prints it, and reads the same (needs ../shared/data)', () => {
    const text = decodeText(readFileSync(join(data, 'node_exporter-e2e-output.txt')))
    const first = collect(parseClassic, text)
    expect(first.samples).toHaveLength(3027)
    expect(first.metadata).toHaveLength(1228)
    const second = collect(parseClassic, printClassic(first.samples, first.metadata))
    expect(second).toEqual(first)
    expect(() => collect(parseOpenMetrics, text)).toThrow(/line \d+/)
  })

  it('reads what the classic format allows', () => {
    const text = [
      '# a comment',
      '# HELP a With \\n and \\\\',
      '# TYPE a  counter',
      '',
      '  a { x = "1" , y="a\\"b\\\\c\\n}" , }  +Inf  1700000000000 ',
      'b -1.5e-3\r',
      'c NaN',
      '{"d.e", "f.g"="h"} 1',
      'last{} 7',
    ].join('\n')
    const { samples, metadata } = collect(parseClassic, text)
    expect(samples).toEqual([
      { labels: { __name__: 'a', x: '1', y: 'a"b\\c\n}' }, value: Infinity, timestampMs: 1700000000000 },
      { labels: { __name__: 'b' }, value: -0.0015, timestampMs: undefined },
      { labels: { __name__: 'c' }, value: Number.NaN, timestampMs: undefined },
      { labels: { __name__: 'd.e', 'f.g': 'h' }, value: 1, timestampMs: undefined },
      { labels: { __name__: 'last' }, value: 7, timestampMs: undefined },
    ])
    expect(metadata).toEqual([{ family: 'a', type: 'counter', help: 'With \n and \\', unit: '' }])
  })

  it('refuses what the classic format does not allow, with the line', () => {
    for (const bad of [
      'a',
      'a{',
      'a{x="1} 1',
      'a{x=1} 1',
      'a 0x1',
      'a 1_0',
      'a 1 2 3',
      'a 1 x',
      '1a 1',
      'a{x="1",x="2"} 1',
    ])
      expect(() => collect(parseClassic, `ok 1\n${bad}\n`), bad).toThrow(/^line 2: /)
    expect(() => collect(parseClassic, '# TYPE a meh\n')).toThrow('"meh" is no metric type')
    expect(() => collect(parseClassic, 'a{__proto__="1"} 1\n')).toThrow()
    expect(() => decodeText(Buffer.from('a{x="\xff"} 1\n', 'latin1'))).toThrow(/UTF-8/)
  })
})
