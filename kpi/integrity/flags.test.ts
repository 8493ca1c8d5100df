import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLogger } from '#core/logger.ts'
import { systemActor } from '#stores/state/audit.ts'
import { createState, type PostgresState, stateDefaults } from '#stores/state/postgres.ts'
import { createFlagStore, flagId, type Raised, resolveFlags } from './flags.ts'

let directory = ''
let state: PostgresState

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-flags-'))
  state = createState({ ...stateDefaults, directory }, silentLogger)
  await state.open()
})
afterAll(async () => {
  await state.close()
  await rm(directory, { recursive: true, force: true })
})

const raised = (unit: string, rule = 'r', period = '2026'): Raised => ({
  ...{
    check: 'N',
    rule,
    unit,
    region: '4401',
    period,
    pValue: 1e-6,
    qValue: 0.001,
    level: 'question',
    statistic: 3,
    count: 100,
  },
  ...{ measure: { en: 'm', zh: '量' }, seen: 12, expected: 4, evidence: ['c1'], question: { en: 'q', zh: '问' } },
})

it('a flag keeps its id and what was decided about it, and is cleared when it is seen no more', async () => {
  const flags = createFlagStore(state.database)
  expect(await flags.record('2026', [raised('a'), raised('b')], 10)).toEqual({ opened: 2, cleared: 0 })
  await state.database.transaction((tx) => resolveFlags(tx, systemActor, [flagId(raised('a'))], 'explained'))
  expect(await flags.record('2026', [{ ...raised('a'), seen: 13 }], 20)).toEqual({ opened: 0, cleared: 1 })
  expect(await flags.get(flagId(raised('a')))).toMatchObject({
    ...{ state: 'open', resolution: 'explained', firstSeenMs: 10, lastSeenMs: 20, seen: 13, evidence: ['c1'] },
  })
  expect((await flags.list({ state: 'cleared' }, 10)).map(({ unit }) => unit)).toEqual(['b'])
  expect(await flags.record('2026', [raised('b')], 30)).toEqual({ opened: 0, cleared: 1 })
})

it('another period is another flag, and a place covers what is below it', async () => {
  const flags = createFlagStore(state.database)
  await flags.record('2025', [raised('a', 'r', '2025'), { ...raised('c', 'r', '2025'), region: '440305' }], 40)
  expect(await flags.list({ period: '2025', region: '4403' }, 10)).toHaveLength(1)
  expect(await flags.list({ unit: 'a' }, 10)).toHaveLength(2)
  await expect(flags.get('f-none')).rejects.toThrow(/not/i)
  await expect(
    state.database.transaction((tx) => resolveFlags(tx, systemActor, ['f-none'], 'confirmed')),
  ).rejects.toThrow(/f-none/)
})
