// Every choice that the six indicators hide, with facts on which each option gives a figure of its own; the engine and the
// oracle must both give it. docs/kpi/switches.md names the same.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Fact } from '../contract.ts'
import { computeKpi } from '../engine/compute.ts'
import { answer } from '../oracle/oracle.ts'
import type { OracleFact } from '../oracle/reading.ts'
import { calendarAt, compileCalendar, readCalendars } from '../time/calendar.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import { testValidMs } from './check.ts'
import { loadDefinitions } from './load.ts'
import { testCase, testFact } from './test-facts.ts'

type Given = Record<string, string | number | boolean | null | string[]>
interface Choice {
  facts: Given[]
  /** Of each option what it gives; `-` where it gives none. */
  outcomes: Record<string, string>
  /** Choices of other switches on which it depends. */
  beside?: Record<string, string>
}

const rules = resolve(import.meta.dirname, '../../rules/kpi')
const { byId } = loadDefinitions(rules)
const compiled = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)

const item = (id: string, more: Given = {}): Given => ({
  ...{ id, grain: 'item', system: 'live', transactions: 1, idleDays: 1, ...more },
})
const system = (id: string, more: Given = {}): Given => ({
  ...{ id, onCloud: true, onNetwork: true, cloud: 'province', ...more },
})
const off = { onCloud: false, onNetwork: false }
const online = (id: string, more: Given = {}): Given => ({
  ...{ id, channel: 'web', opened: '2026-10-12', closed: '2026-10-13', outcome: 'granted', ...more },
})
/** One online and one at a counter, and the one in question. */
const besides = (more: Given): Given[] => [online('a'), online('b', { channel: 'window' }), online('c', more)]
const limits = (id: string, legal: number | null, promised: number, more: Given = {}): Given => ({
  ...{ id, 'promised.amount': promised, 'promised.unit': 'working-day' },
  ...(legal === null ? {} : { 'legal.amount': legal, 'legal.unit': 'working-day' }),
  ...more,
})
const shared = (id: string, more: Given = {}): Given => ({ id, required: true, registered: true, ...more })
const kept = (id: string, more: Given): Given => ({
  ...{ id, item: 'i', accepted: '2026-10-12', closed: '2026-10-16' },
  ...{ 'item.promised.amount': 3, 'item.promised.unit': 'working-day' },
  ...{ 'item.legal.amount': 4, 'item.legal.unit': 'working-day', ...more },
})

const choices: Record<string, Record<string, Choice>> = {
  'business-coverage': {
    grain: {
      facts: [
        item('a', { hasSubItems: true, hasSituations: false }),
        item('a1', { grain: 'sub-item', hasSituations: true }),
        item('a2', { grain: 'sub-item', system: 'none' }),
        item('a1x', { grain: 'situation', system: 'none' }),
        item('a1y', { grain: 'situation' }),
      ],
      outcomes: { item: '1', subItem: '1/2', situation: '1/2' },
    },
    proof: {
      facts: [item('a'), item('b', { transactions: 0, idleDays: null })],
      outcomes: { proved: '1/2', claimed: '1' },
    },
    recent: {
      facts: [item('a'), item('b', { idleDays: 60 }), item('c', { idleDays: 200 }), item('d', { idleDays: 900 })],
      outcomes: { d30: '1/4', d90: '1/2', d365: '3/4', any: '1' },
    },
    partial: {
      facts: [item('a'), item('b', { system: 'partial' })],
      outcomes: { none: '1/2', half: '3/4', full: '1' },
    },
    vertical: {
      facts: [item('a'), item('b', { vertical: true, system: 'none' })],
      outcomes: { local: '1/2', upper: '1' },
    },
    merged: {
      facts: [item('a'), item('b', { mergedInto: 'a', system: 'none' })],
      outcomes: { once: '1', each: '1/2' },
    },
  },
  consolidation: {
    credit: {
      facts: [
        system('a'),
        system('b', { onNetwork: false }),
        system('c', { onNetwork: false }),
        system('d', { onCloud: false }),
      ],
      outcomes: { both: '1/4', half: '5/8', cloud: '3/4', network: '1/2' },
    },
    weight: {
      facts: [
        system('a', { virtualMachines: 3, yearlyCostFen: '10' }),
        system('b', { ...off, virtualMachines: 1, yearlyCostFen: '30' }),
      ],
      outcomes: { system: '1/2', machines: '3/4', cost: '1/4' },
    },
    clouds: { facts: [system('a'), system('b', { cloud: 'city' })], outcomes: { all: '1', provincial: '1/2' } },
    scope: {
      facts: [system('a', { baseline: true }), system('b', { ...off, baseline: false })],
      outcomes: { catalogue: '1/2', baseline: '1' },
    },
    exempt: {
      facts: [system('a'), system('b', { ...off, classified: true }), system('c', { ...off, mayStay: true })],
      outcomes: { exclude: '1', count: '1/3' },
    },
    retired: {
      facts: [
        system('a'),
        system('b', { ...off, retired: true, retiredEvidence: 'x' }),
        system('c', { ...off, retired: true }),
      ],
      outcomes: { evidence: '1/2', keep: '1/3', drop: '1' },
    },
  },
  'online-completion': {
    cohort: {
      facts: [online('a'), { id: 'b', channel: 'web', opened: '2026-10-12' }],
      outcomes: { closed: '1', accepted: '1/2' },
    },
    withdrawn: { facts: besides({ outcome: 'withdrawn' }), outcomes: { exclude: '1/2', count: '2/3' } },
    notAccepted: { facts: besides({ outcome: 'not-accepted' }), outcomes: { exclude: '1/2', count: '2/3' } },
    supplement: {
      facts: besides({ stops: ['supplement 2026-10-12/2026-10-13'] }),
      outcomes: { count: '2/3', exclude: '1/2' },
    },
    forwarded: { facts: besides({ outcome: 'forwarded' }), outcomes: { exclude: '1/2', count: '2/3' } },
    mixed: {
      facts: besides({ steps: ['web', 'window'] }),
      outcomes: { offline: '1/3', exclude: '1/2', online: '2/3' },
    },
    typedIn: { facts: besides({ channel: 'typed-in' }), outcomes: { offline: '1/3', online: '2/3', exclude: '1/2' } },
    kiosk: { facts: besides({ channel: 'kiosk' }), outcomes: { online: '2/3', offline: '1/3' } },
    hotline: { facts: besides({ channel: 'hotline' }), outcomes: { offline: '1/3', online: '2/3' } },
    email: { facts: besides({ channel: 'email' }), outcomes: { offline: '1/3', online: '2/3' } },
    post: { facts: besides({ channel: 'post' }), outcomes: { offline: '1/3', online: '2/3' } },
    returnedByPost: { facts: besides({ returnedByPost: true }), outcomes: { online: '2/3', offline: '1/3' } },
    query: { facts: besides({ outcome: 'query' }), outcomes: { exclude: '1/2', count: '2/3' } },
  },
  'time-compression': {
    aggregation: {
      facts: [limits('a', 20, 10, { volume: 9 }), limits('b', 10, 0, { volume: 1 })],
      outcomes: { mean: '3/4', sum: '2/3', volume: '10/19' },
    },
    legalZero: {
      facts: [limits('a', 10, 5), limits('b', 0, 1)],
      outcomes: { exclude: '1/2', count: '2/5' },
      beside: { aggregation: 'sum' },
    },
    promisedZero: { facts: [limits('a', 10, 5), limits('b', 10, 0)], outcomes: { count: '3/4', exclude: '1/2' } },
    longer: { facts: [limits('a', 10, 5), limits('b', 10, 15)], outcomes: { negative: '0', exclude: '1/2' } },
    units: {
      facts: [limits('a', 10, 5), limits('b', 10, 16, { 'promised.unit': 'hour' })],
      outcomes: { calendar: '13/20', exclude: '1/2' },
    },
    situations: {
      facts: [
        limits('a1', 10, 0, { itemCode: 'a' }),
        limits('a2', 30, 30, { itemCode: 'a' }),
        limits('b1', 10, 5, { itemCode: 'b' }),
      ],
      outcomes: { each: '1/2', item: '3/8' },
    },
    stops: {
      facts: [limits('a', 10, 5), limits('b', 10, 0, { specialProcedure: true })],
      outcomes: { count: '3/4', exclude: '1/2' },
    },
  },
  'information-sharing': {
    provided: {
      facts: [
        shared('a', { mounted: true, callable: true, fresh: true }),
        shared('b', { mounted: true, callable: true }),
        shared('c', { mounted: true }),
        shared('d'),
      ],
      outcomes: { registered: '1', mounted: '3/4', callable: '1/2', fresh: '1/4' },
    },
    unit: {
      // More records than the catalogue expects are not more than all of it.
      facts: [
        shared('a', {
          mounted: true,
          callable: true,
          ...{ providedFieldCount: 3, fieldCount: 4 },
          ...{ recordCount: 900, expectedRecordCount: 100 },
        }),
        shared('b', { ...{ providedFieldCount: 0, fieldCount: 4 }, ...{ recordCount: 0, expectedRecordCount: 300 } }),
      ],
      outcomes: { class: '1/2', field: '3/8', record: '1/4' },
    },
    refused: {
      facts: [
        shared('a', { mounted: true, callable: true }),
        shared('b', { mounted: true, callable: true, refused: 2 }),
      ],
      outcomes: { provided: '1', notProvided: '1/2' },
    },
  },
  'certificate-issuing': {
    unit: {
      facts: [
        { id: 'a', issues: 'x', issuesElectronic: true, issued: 10, issuedElectronic: 9 },
        { id: 'b', issues: 'y', issuesElectronic: false, issued: 90, issuedElectronic: 0 },
      ],
      outcomes: { item: '1/2', issuance: '9/100' },
    },
    stock: {
      facts: [
        { id: 'a', issues: 'x', issuesElectronic: true, stock: 100, stockElectronic: 20 },
        { id: 'b', issues: 'y', issuesElectronic: false, stock: 100, stockElectronic: 0 },
      ],
      outcomes: { flow: '1/2', stock: '1/10' },
    },
    both: {
      facts: [
        { id: 'a', issues: 'x', issuesElectronic: true },
        { id: 'b', issues: 'y', issuesElectronic: true, issuesPaper: true },
      ],
      outcomes: { electronic: '1', paper: '1/2' },
    },
  },
  'certificate-use': {
    unit: {
      facts: [
        online('a', { certificates: ['electronic', 'paper', 'paper'] }),
        online('b', { certificates: ['paper'] }),
      ],
      outcomes: { case: '1/2', certificate: '1/4' },
    },
    both: {
      facts: [online('a', { certificates: ['electronic'] }), online('b', { certificates: ['both'] })],
      outcomes: { failed: '1/2', used: '1' },
    },
  },
  'promise-kept': {
    stops: {
      facts: [kept('a', { stops: ['supplement 2026-10-13/2026-10-15'] }), kept('b', {})],
      outcomes: { net: '1/2', gross: '0' },
    },
    limit: {
      // Four working days: too long for the promise, in time by the law; one item has no limit in law.
      facts: [kept('a', {}), kept('b', { item: 'j', 'item.legal.amount': null, 'item.legal.unit': null })],
      outcomes: { promised: '0', legal: '1' },
    },
  },
  'digital-share': {
    missing: {
      facts: [
        { id: 'a', item: 'a', total: '50', digital: '40' },
        { id: 'b', item: 'b', total: '50' },
      ],
      outcomes: { exclude: '4/5', zero: '2/5' },
    },
  },
  'server-room-islands': {
    scope: {
      facts: [
        { id: 'a', measure: 'server-room-islands', value: '44' },
        { id: 'b', measure: 'server-room-islands', value: '2', outsideTarget: true },
      ],
      outcomes: { target: '44', inventory: '46' },
    },
  },
}

function figures(kpi: string, given: Given[], switches: Record<string, string>): [string, string] {
  const { plan } = byId.get(kpi)!
  const { fact, calendar: id, zone: name } = plan.definition
  const zone = zoneOf(name)
  const items = new Map<string, Fact['fields']>()
  const isCase = fact === 'case'
  const made = isCase ? given.map((one) => testCase(one, zone)) : []
  for (const { record, item: row } of made) if (Object.keys(row).length > 0) items.set(record.item, row)
  const facts = isCase ? [] : given.map((one, i) => testFact(one, fact, i))
  const asked = { switches, only: {}, by: [], validMs: testValidMs, knownMs: testValidMs }
  const [engine] = computeKpi(
    plan,
    { cases: isCase ? made.map(({ record }) => ({ record, knownMs: 0 })) : [], facts },
    {
      ...{ ...asked, period: parsePeriod('all', zone), calendar: calendarAt(compiled, id, testValidMs)! },
      ...{ catalogueVersion: null, item: (code) => items.get(code) },
    },
  )
  const read: OracleFact[] = isCase
    ? made.map(({ record }) => ({
        ...{ id: record.id, version: 1, knownMs: 0, fromMs: 0, toMs: null, gone: false, steps: record.steps },
        fields: { ...record } as unknown as Record<string, unknown>,
      }))
    : facts.map((one) => ({
        ...{ id: one.id, version: 1, knownMs: 0, fromMs: one.validFromMs, toMs: null, gone: false, steps: [] },
        fields: one.fields,
      }))
  const [oracle] = answer({ ...asked, rules, period: 'all' }, [plan.definition], read, (code) => items.get(code))
  const shown = (ratio: { numerator: string; denominator: string } | null | undefined): string =>
    !ratio ? '-' : ratio.denominator === '1' ? ratio.numerator : `${ratio.numerator}/${ratio.denominator}`
  return [shown(engine!.ratio), shown(oracle!.ratio)]
}

describe('every choice of an indicator gives a figure of its own', () => {
  for (const [kpi, switches] of Object.entries(choices))
    for (const [name, { facts, outcomes, beside = {} }] of Object.entries(switches))
      it(`${kpi} · ${name}`, () => {
        const { options } = byId.get(kpi)!.plan.definition.switches[name]!
        expect(Object.keys(outcomes).sort()).toEqual(Object.keys(options).sort())
        expect(new Set(Object.values(outcomes)).size).toBeGreaterThan(1)
        for (const [option, wanted] of Object.entries(outcomes))
          expect([option, ...figures(kpi, facts, { ...beside, [name]: option })]).toEqual([option, wanted, wanted])
      })

  it('and none of the six is left out', () => {
    const six = [...byId.values()].filter(({ plan }) => plan.definition.group === 'six')
    for (const { plan } of six)
      expect([plan.definition.id, Object.keys(choices[plan.definition.id] ?? {}).sort()]).toEqual([
        plan.definition.id,
        Object.keys(plan.definition.switches).sort(),
      ])
  })
})

it('a choice holds in company of another: the legal limit with the stops counted', () => {
  const facts = [kept('a', { 'item.legal.amount': 3, stops: ['supplement 2026-10-13/2026-10-15'] })]
  const of = (stops: string, limit: string) => figures('promise-kept', facts, { stops, limit })
  expect(of('net', 'legal')).toEqual(['1', '1'])
  expect(of('gross', 'legal')).toEqual(['0', '0'])
})

it('late by the day waits until the day is over, and counts no case twice', () => {
  // Looked at on 24 November 2026 at 16:00 in Guangdong: the deadline was at noon.
  const facts: Given[] = [
    { id: 'a', opened: '2026-11-01', due: '2026-11-24 12:00' },
    { id: 'b', opened: '2026-11-01', due: '2026-11-20', closed: '2026-11-19' },
  ]
  expect(figures('late', facts, { late: 'instant' })).toEqual(['1/2', '1/2'])
  expect(figures('late', facts, { late: 'day' })).toEqual(['0', '0'])
  expect(figures('on-time', facts, { late: 'instant' })).toEqual(['1/2', '1/2'])
  expect(figures('on-time', facts, { late: 'day' })).toEqual(['1', '1'])
})

it('every option says in both languages what it means, and docs/kpi/switches.md has all of the six', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../docs/kpi/switches.md'), 'utf8')
  for (const { plan } of byId.values())
    for (const [name, { options }] of Object.entries(plan.definition.switches))
      for (const [option, { says }] of Object.entries(options)) {
        expect([plan.definition.id, name, option, typeof says?.en, typeof says?.zh]).toEqual([
          ...[plan.definition.id, name, option, 'string', 'string'],
        ])
        if (plan.definition.group === 'six')
          expect(text).toMatch(new RegExp(`\`${name}\`[^|\\n]*\\|[^|\\n]*\`${option}\``))
      }
})
