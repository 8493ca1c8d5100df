import { describe, expect, it } from 'vitest'
import { compileRegex } from './regex.ts'

describe('a regular expression from a user', () => {
  it('finds named groups, in both engines alike', () => {
    for (const options of [{}, { ignoreCase: true }]) {
      const regex = compileRegex('^Failed (?<method>\\S+) for (?:invalid user )?(?<user>\\S+)', options)
      expect(regex.groups('Failed password for invalid user admin from')).toEqual({ method: 'password', user: 'admin' })
      expect(regex.groups('Accepted')).toBeNull()
    }
  })

  it('runs in linear time where backtracking would not end', () => {
    for (const pattern of ['^(a+)+$', '(.*a){12}x', '^(?i:(a|a)*)$', '(a*)*b']) {
      const regex = compileRegex(pattern)
      const start = performance.now()
      expect(regex.test(`${'a'.repeat(5000)}!`)).toBe(false)
      expect(performance.now() - start).toBeLessThan(5000)
    }
  })

  it('refuses look-around and back-references, saying why', () => {
    for (const pattern of ['(?=a)b', '(?<!a)b', '(a)\\1', '(unclosed', 'a'.repeat(10_000)]) {
      expect(() => compileRegex(pattern)).toThrow(expect.objectContaining({ code: 'regex.unsupported' }))
    }
  })

  it('refuses brackets that only the anchors around them would balance', () => {
    expect(() => compileRegex('a)|(b', { anchored: true })).toThrow(/a\)\|\(b/)
  })

  it('matches whole texts when anchored, alternatives included', () => {
    const regex = compileRegex('a|bc', { anchored: true })
    expect(['a', 'bc', 'ab', 'abc'].map((text) => regex.test(text))).toEqual([true, true, false, false])
  })
})
