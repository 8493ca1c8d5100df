import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeLayers } from './decode.ts'
import { ModelFile } from './linear.ts'
import { areaUnderCurve, measureScores } from './measure.ts'
import { requestTokens } from './request-tokens.ts'
import { requestValues } from './request-values.ts'
import { openWebRequest, trainWebRequest } from './web-request.ts'

const rows = Array.from({ length: 60 }, (_, i) => [
  { value: `blue lamp ${i}`, kind: 'norm' },
  { value: `${i}' or ${i}=${i} -- `, kind: 'sqli' },
]).flat()
const shipped = ModelFile.parse(JSON.parse(readFileSync(new URL('./models/web-request.json', import.meta.url), 'utf8')))

describe('web request classifier', () => {
  it('takes off layers of encoding, and stops', () => {
    expect(decodeLayers('%253Cscript%253E')).toBe('<script>')
    expect(decodeLayers('&#x3c;b&gt;\\x27')).toBe("<b>'")
    expect(decodeLayers('&#x7fffff;%zz')).toBe('%zz')
    expect(decodeLayers('x'.repeat(1_000_000))).toHaveLength(4096)
  })
  it('keeps keywords and shapes, not words', () => {
    expect(requestTokens('1 UNION+select pass')).toEqual(['0', ' ', 'union', ' ', 'select', ' ', 'a'])
    expect(requestTokens('观澜')).toEqual(['u'])
  })
  it('finds the values of a request', () => {
    expect(requestValues({ uri: '/a?b=1&c', headers: { Cookie: 's=2', Host: 'x' } })).toEqual([
      'b',
      '1',
      'c',
      '/a',
      's',
      '2',
    ])
    expect(requestValues({})).toEqual([])
  })
  it('learns the same model from the same seed, another from another', () => {
    const model = trainWebRequest(rows, 7, 'test', '')
    expect(trainWebRequest(rows, 7, 'test', '')).toEqual(model)
    expect(trainWebRequest(rows, 8, 'test', '').weights).not.toBe(model.weights)
  })
  it('scores as before after saving, whatever else the file says', () => {
    const model = trainWebRequest(rows, 7, 'test', '')
    const again = ModelFile.parse({ ...JSON.parse(JSON.stringify(model)), later: true })
    const values = ["3' or 4=4 -- ", 'green chair']
    expect(values.map((one) => openWebRequest(again)([one]))).toEqual(values.map((one) => openWebRequest(model)([one])))
  })
  it('is quiet on nothing and tells code from prose as shipped', () => {
    const score = openWebRequest(shipped)
    expect(score([])).toBe(0)
    expect(score([''])).toBe(0)
    for (const attack of [
      "1' or 1=1 -- ",
      '5 union all select 1,2,3',
      '<script>alert(1)</script>',
      '../../../etc/passwd',
    ])
      expect(score([attack]), attack).toBeGreaterThan(shipped.threshold)
    expect(score(['the office of the river'])).toBeLessThan(shipped.threshold)
  })
  it('refuses a model of another size', () => {
    expect(() => openWebRequest({ ...shipped, weights: 'AAAA' })).toThrow('weights')
  })
  it('counts ties as half in the area under the curve', () => {
    const scored = [0.5, 0.5, 0.9].map((score, i) => ({ score, isAttack: i > 0 }))
    expect(areaUnderCurve(scored)).toBe(0.75)
    expect(measureScores(scored, 0.6)).toMatchObject({ recall: 0.5, falsePositiveRate: 0, attacks: 2, benign: 1 })
  })
})
