// Recorded attacks as others ship them, through the pipeline into the Sigma engine: what a shipper sends is understood,
// keeps every value, carries the right time, and fires the rules it should.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { fingerprint } from '#alerts/lifecycle/fingerprint.ts'
import { seededRandom } from '#core/random.ts'
import { Inventory } from '#pipeline/enrich/inventory.ts'
import { createIds } from '#pipeline/normalise/event-id.ts'
import { createNormalise, type Normalised } from '#pipeline/normalise/normalise.ts'
import { ParserSet } from '#pipeline/parse/parser-set.ts'
import { Correlator, correlatorDefaults } from '#security/correlate/correlator.ts'
import type { Incident } from '#security/correlate/story.ts'
import { readTactics } from '#security/correlate/tactics.ts'
import { SigmaEngine } from '#security/sigma/3-evaluate/engine.ts'
import { findingOf } from '#security/sigma/finding.ts'
import { detectionRuleLicense, loadRules } from '#security/sigma/load.ts'
import { loadTaxonomy } from '#security/sigma/taxonomy.ts'

const root = resolve(import.meta.dirname, '..')
const recordings = resolve(root, '../shared/data/attacks/otrf')
const archive = resolve(root, '../shared/data/sigma/rules/sigma-rules.tar.gz')
const nowMs = Date.UTC(2022, 5, 1)

const datasets: Record<string, string[]> = {
  cmd_bitsadmin: ['system.security', 'system.system', 'windows.events', 'windows.sysmon_operational'],
  ec2_proxy: ['aws.cloudtrail'],
  securityauditing: ['system.security'],
  syslog_auoms: ['auditd.log'],
  syslog_sysmon: ['linux.sysmon'],
  sysmon_log4shell: ['windows.sysmon_operational'],
  vminsights: ['azure.vmconnection'],
}

describe.skipIf(!existsSync(recordings) || !existsSync(archive))('recorded attacks (needs shared/data)', () => {
  const parsers = new ParserSet(resolve(root, 'rules/parsers'))
  const index = existsSync(recordings)
    ? (JSON.parse(readFileSync(resolve(recordings, 'index.json'), 'utf8')) as {
        file: string
        lines: number
        rules: { rule_id: string; lines: number[] }[]
      }[])
    : []
  const normalise = createNormalise({
    clock: { nowMs: () => nowMs } as never,
    parsers,
    inventory: new Inventory(),
    nextId: createIds(seededRandom(1)),
    timestampLimits: { pastMsMax: 3650 * 86_400_000, futureMsMax: 86_400_000 },
    adjusted: () => {},
  })
  const linesOf = (file: string): string[] =>
    gunzipSync(readFileSync(resolve(recordings, file)))
      .toString()
      .trim()
      .split('\n')
  const read = (line: string, as: 'fields' | 'text'): Normalised =>
    normalise(
      as === 'text' ? { original: line } : { fields: JSON.parse(line) as Record<string, unknown> },
      { receiver: 'test', source: 'test' },
      nowMs,
    )
  let engine: SigmaEngine

  beforeAll(async () => {
    expect(parsers.reload()).toEqual([])
    const set = await loadRules(archive, { placeholders: new Map(), license: detectionRuleLicense })
    engine = new SigmaEngine(set.rules, [], { taxonomy: loadTaxonomy(resolve(root, 'rules/taxonomy/sigma.yml')) })
  })

  test.each(['fields', 'text'] as const)('every line is understood, as %s', (as) => {
    for (const { file, lines } of index) {
      const found = new Set<string>()
      const all = linesOf(file)
      expect(all).toHaveLength(lines)
      for (const [i, line] of all.entries()) {
        const { event, parsed } = read(line, as)
        expect([file, i + 1, parsed]).toEqual([file, i + 1, true])
        found.add(event['event.dataset'])
      }
      const wanted = Object.entries(datasets).find(([prefix]) => file.startsWith(prefix))?.[1]
      if (wanted) for (const name of found) expect(wanted, file).toContain(name)
    }
  })

  test('no value of a line is lost', () => {
    for (const { file } of index)
      for (const line of linesOf(file).slice(0, 60)) {
        const { event } = read(line, 'fields')
        const kept = new Set(
          Object.values(event)
            .flatMap((value) => (Array.isArray(value) ? value : [value]))
            .map(String),
        )
        const values: string[] = []
        const walk = (value: unknown): void => {
          if (Array.isArray(value)) return
          if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) walk(one)
          else if (value !== null && value !== '') values.push(String(value))
        }
        walk(JSON.parse(line))
        // Its time is kept as a time.
        const lost = values.filter((value) => !kept.has(value) && !Number.isFinite(Date.parse(value)))
        expect([file, lost]).toEqual([file, []])
      }
  })

  test('the listed rules fire on the listed lines', () => {
    for (const { file, rules } of index) {
      const events = linesOf(file).map((line) => read(line, 'text').event)
      const hits = events.map((event) => new Set(engine.match(event).map(({ meta }) => meta.id)))
      for (const { rule_id, lines } of rules) {
        const found = hits.flatMap((ids, i) => (ids.has(rule_id) ? [i + 1] : []))
        expect([file, rule_id, found]).toEqual([file, rule_id, lines])
      }
    }
  })

  test('Log4Shell is two incidents by the rules that ship, each with all of its sources', async () => {
    const { rules } = await loadRules(resolve(root, 'rules/sigma'), { placeholders: new Map(), license: '' })
    const own = new SigmaEngine(rules, [], { taxonomy: loadTaxonomy(resolve(root, 'rules/taxonomy/sigma.yml')) })
    const incidents = new Map<string, Incident>()
    const told = new Map<string, Set<string>>()
    const alerts = index
      .flatMap(({ file }) => linesOf(file).map((line) => ({ file, event: read(line, 'text').event })))
      .sort((a, b) => a.event['@timestamp'] - b.event['@timestamp'])
      .flatMap(({ file, event }) =>
        own.match(event).map(({ meta }) => ({ file, finding: findingOf(meta, event, event['@timestamp'], 'e') })),
      )
    const correlator = new Correlator(
      { ...correlatorDefaults, chainMs: 3_600_000 },
      {
        tacticOf: readTactics(resolve(root, 'rules/security/tactics.yml')),
        onIncident: (incident) => incidents.set(incident.key, incident),
      },
    )
    const seen = new Set<string>()
    for (const { file, finding } of alerts) {
      const id = fingerprint(finding.rule, finding.labels)
      const host = finding.entities[0]!
      if (file.includes('log4shell'))
        told.set(host, (told.get(host) ?? new Set()).add(file.replace(/_log4shell.*/, '')))
      // An alert that fires goes on firing: it is told once.
      if (seen.has(id)) continue
      seen.add(id)
      const { rule: name, entities, severity, atMs, annotations } = finding
      correlator.push({ ...{ id, name, entities, severity, atMs }, tactic: annotations['tactics']?.split(', ')[0] })
    }
    correlator.end()
    const stories = [...incidents.values()].map((incident) => incident.draft())
    expect(stories.map(({ entities }) => entities).sort()).toEqual([['host:UBUNTU5'], ['host:WORKSTATION5']])
    expect([...told.get('host:UBUNTU5')!].sort()).toEqual([
      'syslog_auoms_auditd',
      'syslog_sysmon',
      'vminsights_vmconnection',
    ])
    expect([...told.get('host:WORKSTATION5')!].sort()).toEqual(['securityauditing', 'sysmon'])
    const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10)
    expect(stories.map(({ startedMs }) => day(startedMs)).sort()).toEqual(['2022-05-11', '2022-05-13'])
    for (const { severity, tactics } of stories) {
      expect(severity).toBe('critical')
      expect(tactics).toEqual(expect.arrayContaining(['initial-access', 'execution']))
    }
  })

  test('Sysmon says itself when it was, whatever the shipper wrote', () => {
    for (const line of linesOf('psh_mavinject_dll_notepad.jsonl.gz')) {
      const document = JSON.parse(line) as Record<string, string>
      if (document['UtcTime'] === undefined) continue
      expect(read(line, 'text').event['@timestamp']).toBe(Date.parse(`${document['UtcTime'].replace(' ', 'T')}Z`))
    }
  })

  test('the same connection is the same in the words of three sources', () => {
    const ldap = (file: string) =>
      linesOf(file)
        .map((line) => read(line, 'fields').event)
        .find((event) => event['destination.port'] === 1389)
    for (const file of index.map(({ file }) => file).filter((name) => /syslog_sysmon|vminsights/.test(name)))
      expect(ldap(file)).toMatchObject({
        'host.name': 'UBUNTU5',
        'process.name': 'java',
        'destination.ip': '192.168.2.6',
      })
  })
})
