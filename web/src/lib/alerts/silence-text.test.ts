import { expect, test } from 'vitest'
import { matcherText, parseMatchers } from './silence-text.ts'

test('matchers are read as people write them, and written so that they read the same', () => {
  const texts = [
    'alertname="Disk"',
    'alertname=Disk host=~"db-.*"',
    '{team!="net", path!~"/a|/b"}',
    'msg="say \\"no\\" \\\\ now",a=b',
  ]
  for (const text of texts) {
    const matchers = parseMatchers(text)!
    expect(matchers.length).toBeGreaterThan(0)
    expect(parseMatchers(matchers.map(matcherText).join(' '))).toEqual(matchers)
  }
  expect(parseMatchers('{team!="net", path!~"/a|/b"}')).toEqual([
    { name: 'team', value: 'net', isRegex: false, isEqual: false },
    { name: 'path', value: '/a|/b', isRegex: true, isEqual: false },
  ])
})

test.each(['', '  ', 'Disk', 'a=', '="b"', 'a="b', 'a=b c', 'a=="b"'])('%j is no list of matchers', (text) => {
  expect(parseMatchers(text)).toBeUndefined()
})
