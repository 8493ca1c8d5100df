import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SeenAlert } from './alert.ts'
import { correlate } from './correlate.ts'
import { Correlator, correlatorDefaults } from './correlator.ts'
import { measure, Phases } from './labels.ts'
import { readAlerts, timeOf } from './read.ts'
import type { Incident } from './story.ts'
import { readTactics } from './tactics.ts'

const tacticOf = readTactics('rules/security/tactics.yml')
const folder = '../shared/data/attacks/alerts'
const hourMs = 3_600_000
const alert = (atMs: number, name: string, host: string, n: number): SeenAlert => ({
  id: String(n),
  atMs,
  name,
  entities: [`host:${host}`],
  severity: 'medium',
})

/** Two days of an hourly chore on three hosts, then a scan and a sudo on one of them. */
function twoDays(): SeenAlert[] {
  const all: SeenAlert[] = []
  for (let hour = 0; hour < 48; hour++)
    for (const host of ['a', 'b', 'c']) all.push(alert(hour * hourMs, 'signature update', host, all.length))
  for (let i = 0; i < 500; i++) all.push(alert(46.5 * hourMs + i * 100, 'port scan', 'b', all.length))
  all.push(alert(46.6 * hourMs, 'sudo to root', 'b', all.length))
  return all.sort((a, b) => a.atMs - b.atMs)
}

describe('the correlation', () => {
  it('is quiet about chores and makes one incident of what was never seen, in the order of the chain', () => {
    const { incidents, counts } = correlate(twoDays(), tacticOf)
    const last = incidents.at(-1)!.draft()
    expect(counts.alerts).toBe(48 * 3 + 501)
    expect(incidents.filter(({ startedMs }) => startedMs > 12 * hourMs)).toHaveLength(1)
    expect(last.tactics).toEqual(['reconnaissance', 'privilege-escalation'])
    expect(last.entities[0]).toBe('host:b')
    expect(last.story.map(({ text }) => text)[0]).toContain('port scan, 500 times')
    expect(incidents.at(-1)!.draft('zh').title).toContain('从侦察到权限提升')
  })

  it('knows from the first alert on what rules say themselves: two tactics on one host are one incident', () => {
    const incidents = new Map<string, Incident>()
    const correlator = new Correlator(
      { ...correlatorDefaults, chainMs: hourMs },
      { tacticOf, onIncident: (one) => void incidents.set(one.key, one) },
    )
    const high = (atMs: number, host: string, tactic: SeenAlert['tactic'], severity: SeenAlert['severity'] = 'high') =>
      correlator.push({ ...alert(atMs, `rule ${tactic}`, host, atMs), severity, ...(tactic ? { tactic } : {}) })
    high(0, 'a', 'credential-access')
    high(1000, 'b', 'credential-access')
    high(2000, 'a', undefined)
    high(3000, 'b', 'initial-access', 'medium')
    expect(incidents.size).toBe(0)
    high(4000, 'a', 'defense-evasion')
    expect([...incidents.values()].map((one) => one.draft())).toMatchObject([
      {
        severity: 'high',
        entities: ['host:a'],
        tactics: ['defense-evasion', 'credential-access'],
        alerts: ['0', '2000', '4000'],
      },
    ])
    // Who is in an incident is at risk; the others did nothing that adds up; of one minute the first counts most.
    const [first, ...others] = correlator.risks.ranking(4000, 10)
    expect(first).toMatchObject({
      entity: 'host:a',
      reasons: [{ name: 'rule credential-access' }, { name: 'rule defense-evasion' }],
    })
    expect(others).toEqual([])
    high(5000, 'c', 'impact', 'critical')
    expect(incidents.size).toBe(2)
    // What comes again and again is usual there, whatever its rule says.
    for (let half = 4; half < 16; half++)
      for (const tactic of ['credential-access', 'impact'] as const) high(half * hourMs * 0.5, 'd', tactic)
    const onD = [...incidents.values()].filter((one) => one.draft().entities.includes('host:d'))
    expect(onD.map(({ over }) => over)).toEqual([true])
  })

  it('gives the same incidents when hosts have other names and the clock another hour', () => {
    const plain = correlate(twoDays(), tacticOf).incidents.map((one) => one.draft())
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (shiftMs) => {
        const moved = twoDays().map((one) => ({ ...one, atMs: one.atMs + shiftMs, entities: [`${one.entities[0]}-x`] }))
        const drafts = correlate(moved, tacticOf).incidents.map((one) => one.draft())
        expect(drafts.map(({ score, story }) => [score, story.length])).toEqual(
          plain.map(({ score, story }) => [score, story.length]),
        )
        expect(drafts.map(({ startedMs }) => startedMs - shiftMs)).toEqual(plain.map(({ startedMs }) => startedMs))
      }),
      { numRuns: 20 },
    )
  })

  it('shows once what never pauses from the first second on', () => {
    const leak = Array.from({ length: 1000 }, (_, i) => alert(i * 60_000, 'odd domain', 'share', i))
    const { incidents } = correlate(leak, tacticOf)
    expect(incidents).toHaveLength(1)
    expect(incidents[0]!.standingMs).toBeGreaterThan(0)
  })

  it('keeps its memory bounded and counts what it forgot', () => {
    const many = Array.from({ length: 5000 }, (_, i) => alert(i * 1000, `name ${i}`, `host ${i}`, i))
    expect(correlate(many, tacticOf, { pairsMax: 100 }).counts.forgotten).toBeGreaterThanOrEqual(4900)
  })
})

describe('reading alert lists', () => {
  it('maps a heading, and the shapes of ECS, Suricata and Wazuh', () => {
    const csv = readAlerts('time;name;host\n1642723347;x;web\n;y;web\n')
    expect(csv.alerts).toMatchObject([{ atMs: 1642723347000, name: 'x', entities: ['host:web'] }])
    expect(csv.refused).toEqual({ 'no time': 1 })
    const lines = [
      { '@timestamp': '2026-01-02T03:04:05Z', rule: { name: 'e' }, host: { name: 'h1' }, user: { name: 'u' } },
      {
        timestamp: '2026-01-02T03:04:06.000000+0000',
        event_type: 'alert',
        src_ip: '192.0.2.1',
        alert: { signature: 's', severity: 1 },
      },
      { timestamp: '2026-01-02T03:04:07.000+0000', rule: { description: 'w', level: 12 }, agent: { name: 'h2' } },
    ]
    const { alerts } = readAlerts(`${lines.map((one) => JSON.stringify(one)).join('\n')}\nnot json`)
    expect(alerts.map(({ name, severity, entities }) => [name, severity, entities])).toEqual([
      ['e', 'medium', ['host:h1', 'user:u']],
      ['s', 'high', ['host:192.0.2.1']],
      ['w', 'high', ['host:h2']],
    ])
  })

  it('knows seconds, milliseconds, nanoseconds and ISO 8601', () => {
    for (const text of [
      '1642723347',
      '1642723347000',
      '1642723347000000000',
      '2022-01-21T00:02:27Z',
      '2022-01-21 00:02:27',
    ])
      expect(timeOf(text)).toBe(1642723347000)
  })
})

describe.skipIf(!existsSync(folder))(`the given scenarios (needs ${folder})`, () => {
  const { scenarios } = existsSync(folder)
    ? JSON.parse(readFileSync(`${folder}/attack-phases.json`, 'utf8'))
    : { scenarios: {} }
  for (const name of Object.keys(scenarios))
    it(`${name}: a thousandth of the items, every phase inside some incident`, () => {
      const { alerts } = readAlerts(gunzipSync(readFileSync(`${folder}/${name}_alerts.csv.gz`)).toString('utf8'))
      const { incidents } = correlate(alerts, tacticOf)
      const byId = new Map(alerts.map((one) => [one.id, one]))
      const found = measure(
        incidents.map(({ alertIds }) => alertIds.map((id) => byId.get(id)!)),
        Phases.parse(scenarios[name]),
      )
      expect(alerts).toHaveLength(scenarios[name].alerts)
      expect(found.items).toBeLessThanOrEqual(alerts.length / 1000)
      expect(found.phasesMissed).toEqual([])
    })
})
