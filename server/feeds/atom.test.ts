import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Alert } from '#alerts/alert.ts'
import { atomFeed } from './atom.ts'

const source = {
  organisation: '某市 <应急> & 指挥中心',
  publicUrl: 'https://ops.example:8443',
  version: '1',
  language: 'zh',
} as const
const alert = (part: Partial<Alert> = {}): Alert => ({
  ...{
    id: '0190abc',
    fingerprint: 'f',
    episode: 1,
    rule: 'events/ssh',
    title: 'SSH <guessing> & "more"',
    description: 'a\u0000b\u0007',
  },
  ...{
    severity: 'high',
    state: 'firing',
    labels: {},
    annotations: {},
    entities: ['host:gz-1'],
    startedMs: 1_795_600_000_000,
  },
  ...{ firedMs: 1_795_600_001_000, resolvedMs: null, lastSeenMs: 1_795_600_009_000, findingCount: 1, value: null },
  ...{ threshold: null, acknowledged: null },
  ...part,
})

describe.skipIf(!existsSync('/usr/bin/xmllint'))('by the grammar of RFC 4287 (needs xmllint)', () => {
  const problemsOf = (xml: string): string => {
    const schema = join(import.meta.dirname, 'testdata/atom.rng')
    const { status, stderr } = spawnSync('xmllint', ['--noout', '--nonet', '--relaxng', schema, '-'], {
      input: xml,
      encoding: 'utf8',
    })
    return status === 0 ? '' : stderr
  }

  test('a feed is valid, also with nothing in it', () => {
    const resolved = alert({ id: '2', state: 'resolved', resolvedMs: 1_795_600_005_000 })
    expect(problemsOf(atomFeed([alert(), resolved], '/feeds/alerts.atom?severity=low&limit=5', source))).toBe('')
    expect(problemsOf(atomFeed([], '/feeds/alerts.atom', source))).toBe('')
    expect(problemsOf('<feed xmlns="http://www.w3.org/2005/Atom"/>')).not.toBe('')
  })

  test('whatever an alert quotes, it stays well-formed', () => {
    const any = fc.string({ unit: 'binary', maxLength: 40 })
    const list = fc.sample(fc.tuple(any, any, any), { numRuns: 200, seed: 7 })
    const alerts = list.map(([title, description, rule], i) => alert({ id: `a${i}`, title, description, rule }))
    alerts.push(alert({ title: '\uD800 half', description: ']]> <!-- \u001b[31m \uFFFE' }))
    expect(problemsOf(atomFeed(alerts, '/feeds/alerts.atom', source))).toBe('')
  })
})

const reads = (): boolean => spawnSync('/usr/bin/python3', ['-c', 'import feedparser']).status === 0

test.skipIf(!reads())('a feed reader finds titles, times, links and categories (needs python3-feedparser)', () => {
  const script = `
import feedparser, json, sys
d = feedparser.parse(sys.stdin.buffer.read())
e = d.entries[0]
print(json.dumps([bool(d.bozo), d.feed.title, e.title, e.id, e.updated, e.published, e.link, [t.term for t in e.tags]]))`
  const input = atomFeed([alert()], '/feeds/alerts.atom', source)
  const found = JSON.parse(execFileSync('/usr/bin/python3', ['-c', script], { input, encoding: 'utf8' }))
  expect(found).toEqual([
    ...[false, '某市 <应急> & 指挥中心 – 告警', '[告警] SSH <guessing> & "more"', 'urn:x-guanlan:alert:0190abc'],
    ...['2026-11-25T09:46:41.000Z', '2026-11-25T09:46:40.000Z', 'https://ops.example:8443/alerts/0190abc'],
    ['firing', 'high', 'events/ssh'],
  ])
})

test('what is seen again does not make an entry new; what ends does', () => {
  const updated = (one: Alert): string => /<entry>.*?<updated>(.*?)</s.exec(atomFeed([one], '/', source))![1]!
  expect(updated(alert({ lastSeenMs: 1_795_700_000_000 }))).toBe(updated(alert()))
  expect(updated(alert({ state: 'resolved', resolvedMs: 1_795_700_000_000 }))).toBe('2026-11-26T13:33:20.000Z')
})

test('an alert that speaks both languages is told in that of the feed', () => {
  const annotations = { 'title.zh': '通过 sudo 打开 root Shell', 'description.zh': '请查清是谁。' }
  const told = (language: 'zh' | 'en') => atomFeed([alert({ annotations })], '/', { ...source, language })
  expect(told('zh')).toContain('<title>[告警] 通过 sudo 打开 root Shell</title>')
  expect(told('zh')).toContain('请查清是谁。')
  expect(told('en')).not.toMatch(/sudo|请查清/)
})
