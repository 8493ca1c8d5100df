import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import { silentLogger } from '#core/logger.ts'
import { decodeEvents, encodeEvents } from '#pipeline/encode/events.ts'
import { Journal, journalDefaults } from '#pipeline/log/journal/journal.ts'
import { createSharedEvents } from './decoded.ts'
import { type Learner, StatefulConsumer } from './stateful-consumer.ts'

let directory: string
let log: Journal
let told: string[]
let isDown = false
const clock = new ManualClock(0)

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-stateful-'))
  log = new Journal({ ...journalDefaults, directory: join(directory, 'log') }, { clock })
  await log.open()
  told = []
  isDown = false
})
afterEach(async () => {
  await log.close()
  await rm(directory, { recursive: true })
})

/** Counts what it is given, and tells each. */
function counter() {
  const seen: string[] = []
  return {
    seen,
    apply: (events: readonly Event[]) =>
      events.map((event) => {
        seen.push(event['event.id'])
        return { title: event['event.id'] } as Finding
      }),
    snapshot: () => seen,
    restore: (lines: readonly string[]) => void seen.push(...lines),
  }
}

function consumer(learner: Learner): StatefulConsumer {
  return new StatefulConsumer({ name: 'learner', path: join(directory, 'learner.jsonl'), from: 'first' }, learner, {
    ...{ log, clock, logger: silentLogger, shared: createSharedEvents() },
    alerting: {
      submit: async (findings) => {
        if (isDown) throw new Error('the database is away')
        told.push(...findings.map(({ title }) => title))
      },
    },
  })
}

const append = (...ids: string[]): Promise<number> =>
  log.append('events', {
    ...{ key: 'x', count: ids.length },
    payload: encodeEvents(ids.map((id) => ({ 'event.id': id, '@timestamp': 0 }) as Event)),
  })

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { interval: 10 }).toBe(true)
}

it('begins with what the log holds, and after a restart where it was', async () => {
  await append('a', 'b')
  const first = consumer(counter())
  await first.start()
  await until(() => told.length === 2)
  await first.stop()
  await append('c')
  const learner = counter()
  const second = consumer(learner)
  await second.start()
  await until(() => told.length === 3)
  await second.stop()
  expect(learner.seen).toEqual(['a', 'b', 'c'])
  expect(told).toEqual(['a', 'b', 'c'])
})

it('after a crash it learns again what was not saved, and tells none of it again', async () => {
  await append('a')
  const first = consumer(counter())
  await first.start()
  await until(() => told.length === 1)
  await first.stop()
  const crashed = consumer(counter())
  await crashed.start()
  await append('b')
  await until(() => told.length === 2)
  // What it saved at its end is lost: the file is the one of before.
  await crashed.stop()
  await writeFile(join(directory, 'learner.jsonl'), '{"position":1}\na')
  const learner = counter()
  const again = consumer(learner)
  await again.start()
  await append('c')
  await until(() => told.length === 3)
  await again.stop()
  expect(learner.seen).toEqual(['a', 'b', 'c'])
  expect(told).toEqual(['a', 'b', 'c'])
})

it('what was told before is marked so when it comes again', async () => {
  await append('a')
  const first = consumer(counter())
  await first.start()
  await until(() => told.length === 1)
  await first.stop()
  await writeFile(join(directory, 'learner.jsonl'), '{"position":0}')
  await append('b')
  const news: boolean[] = []
  const apply = (_events: readonly Event[], isNew: boolean): Finding[] => {
    news.push(isNew)
    return []
  }
  const again = consumer({ ...counter(), apply })
  await again.start()
  await until(() => news.length === 2)
  await again.stop()
  expect(news).toEqual([false, true])
})

it('what could not be told is told later, and learned once', async () => {
  const learner = counter()
  const one = consumer(learner)
  await one.start()
  isDown = true
  await append('a')
  await until(() => learner.seen.length === 1)
  isDown = false
  await append('b')
  await until(() => told.length === 2)
  await one.stop()
  expect(learner.seen).toEqual(['a', 'b'])
  expect(told).toEqual(['a', 'b'])
})

it('a file that cannot be read costs what was learned, not the start', async () => {
  await writeFile(join(directory, 'learner.jsonl'), 'nonsense')
  await append('a')
  const one = consumer(counter())
  await one.start()
  await until(() => told.length === 1)
  await one.stop()
})

it('a record of very many events is learned in pieces, in order and once', async () => {
  const sizes: number[] = []
  const learner = counter()
  const one = consumer({
    ...learner,
    apply: (events) => {
      sizes.push(events.length)
      return learner.apply(events)
    },
  })
  const ids = Array.from({ length: 1100 }, (_, i) => `e${i}`)
  await append(...ids)
  await one.start()
  await until(() => told.length === 1100)
  await one.stop()
  expect(learner.seen).toEqual(ids)
  expect(told).toEqual(ids)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(250)
})

it('one that works elsewhere is given records as they are, one after another', async () => {
  const { snapshot, restore, seen } = counter()
  let atWork = 0
  const applyRecord = async (payload: Uint8Array): Promise<Finding[]> => {
    expect(++atWork).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 1))
    atWork--
    const ids = decodeEvents(payload).map((event) => event['event.id'])
    seen.push(...ids)
    return ids.map((title) => ({ title }) as Finding)
  }
  for (const id of ['a', 'b', 'c']) await append(id)
  const one = consumer({ snapshot, restore, applyRecord })
  await one.start()
  await until(() => told.length === 3)
  await one.stop()
  expect(seen).toEqual(['a', 'b', 'c'])
  expect(told).toEqual(['a', 'b', 'c'])
})
