import { describe, expect, it } from 'vitest'
import { isCreditCode, isResidentId } from './checks.ts'
import { readDictionary } from './dictionary.ts'
import { maskText } from './mask.ts'
import { createScanner } from './scan.ts'
import { synthetic } from './testing.ts'

const scan = createScanner(readDictionary('rules/dlp/kinds.yml'))
const make = synthetic(7)
const kindsIn = (text: string | Uint8Array): string[] =>
  scan(typeof text === 'string' ? Buffer.from(text) : text).found.map(({ kind }) => kind)

describe('the scan for sensitive data', () => {
  for (const [name, { kind, next }] of Object.entries(make.valid()))
    it(`finds every ${name}`, () => {
      for (let i = 0; i < 200; i++) {
        const text = next()
        expect(kindsIn(text), text).toEqual([kind])
      }
    })

  for (const [name, next] of Object.entries(make.noise()))
    it(`leaves alone at least 99.9 % of random ${name}`, () => {
      const tokens = Array.from({ length: 20_000 }, next)
      expect(kindsIn(tokens.join('\n')).length).toBeLessThanOrEqual(20)
    })

  it('sees numbers between GB18030 characters, and full-width digits of that encoding', () => {
    const id = make.residentId()
    // 证件 in GB18030.
    const zh = Buffer.from([0xd6, 0xa4, 0xbc, 0xfe])
    expect(kindsIn(Buffer.concat([zh, Buffer.from(id), zh]))).toEqual(['resident-id'])
    const digits = id.slice(0, 17)
    const wide = Buffer.from([...digits].flatMap((one) => [0xa3, 0xb0 + Number(one)]))
    expect(kindsIn(Buffer.concat([Buffer.from(' '), wide, Buffer.from(`${id[17]} `)]))).toEqual(['resident-id'])
  })

  it('believes no number whose check digit, date or region is wrong', () => {
    const id = make.residentId()
    const wrong = `${id.slice(0, 17)}${id[17] === '1' ? '2' : '1'}`
    expect(isResidentId(id) && !isResidentId(wrong)).toBe(true)
    expect(kindsIn(`身份证 ${wrong}`)).toEqual([])
    const code = make.creditCode()
    expect(isCreditCode(code)).toBe(true)
    expect(kindsIn(`${code.slice(0, 17)}${code[17] === 'A' ? 'B' : 'A'}`)).toEqual([])
  })

  it('finds a private key whole, and a masked password not at all', () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${'QUJD'.repeat(40)}\n-----END PRIVATE KEY-----`
    expect(scan(Buffer.from(`x\n${key}\ny`)).found).toEqual([{ kind: 'private-key', start: 2, end: 2 + key.length }])
    expect(kindsIn('password=********')).toEqual([])
  })

  it('masks what it finds and nothing else', () => {
    const masked = maskText('手机：13812345678，邮箱 wei@example.com，共 3 件', scan)
    expect(masked).toBe('手机：138****5678，邮箱 w***@example.com，共 3 件')
    expect(kindsIn(masked).filter((kind) => kind !== 'email')).toEqual([])
  })

  it('counts what is beyond its limit', () => {
    const small = createScanner(readDictionary('rules/dlp/kinds.yml'), 2)
    const { found, more } = small(Buffer.from(Array.from({ length: 5 }, make.residentId).join('\n')))
    expect([found.length, more]).toEqual([2, 3])
  })
})
