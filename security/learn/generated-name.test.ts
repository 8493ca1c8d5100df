import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { nameTokens, openGeneratedName, trainGeneratedName } from './generated-name.ts'
import { ModelFile } from './linear.ts'

const shipped = ModelFile.parse(
  JSON.parse(readFileSync(new URL('./models/generated-name.json', import.meta.url), 'utf8')),
)

describe('generated name classifier', () => {
  it('reads the registered label', () => {
    const label = (name: string) => nameTokens(name).join('').split('|')[1]
    expect(label('cdn3.Garden.com')).toBe('garden')
    expect(label('www.river.gov.cn')).toBe('river')
    expect(nameTokens('..')).toEqual([])
  })
  it('learns the same model from the same seed, another from another', () => {
    expect(trainGeneratedName(3, 200)).toEqual(trainGeneratedName(3, 200))
    expect(trainGeneratedName(4, 200).weights).not.toBe(trainGeneratedName(3, 200).weights)
  })
  it('is quiet on nothing and tells drawn letters from words as shipped', () => {
    const score = openGeneratedName(shipped)
    expect(score('')).toBe(0)
    expect(score('xq7vk2mz9tpl4w.net')).toBeGreaterThan(shipped.threshold)
    expect(score('greengarden.com')).toBeLessThan(shipped.threshold)
  })
})
