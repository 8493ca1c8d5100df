import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { logConformance, text, texts } from '../conformance.ts'
import type { LostRange } from '../log.ts'
import { Journal, type JournalConfig, journalDefaults, verifyJournal } from './journal.ts'

async function makeJournal(overrides: Partial<JournalConfig> = {}) {
  const directory = overrides.directory ?? (await mkdtemp(join(tmpdir(), 'guanlan-journal-')))
  const clock = new ManualClock(1_800_000_000_000)
  const lost: LostRange[] = []
  const open = async () => {
    const journal = new Journal({ ...journalDefaults, ...overrides, directory }, { clock })
    journal.onLost((range) => lost.push(range))
    await journal.open()
    return journal
  }
  let log = await open()
  return {
    directory,
    clock,
    lost,
    log,
    async reopen() {
      await log.close()
      log = await open()
      return log
    },
    async cleanUp() {
      await log.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const segmentPath = async (directory: string, at = 0) =>
  join(
    directory,
    'events',
    (await readdir(join(directory, 'events'))).filter((name) => name.endsWith('.log')).sort()[at]!,
  )

logConformance('the journal', () => makeJournal())
logConformance('the journal in tiny segments, without a memory tail', () =>
  makeJournal({ segmentBytesMax: 200, tailBytesMax: 0 }),
)

describe('the journal', () => {
  it('cuts a torn last record wherever the write stopped, and only that one', async () => {
    const harness = await makeJournal()
    for (const value of ['one', 'two', 'the last']) await harness.log.append('events', text(value))
    await harness.log.close()
    const path = await segmentPath(harness.directory)
    const whole = await readFile(path)
    const lastStart = whole.lastIndexOf(Buffer.from([0x31, 0x52, 0x4c, 0x47]))
    for (let length = lastStart; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length))
      await rm(join(harness.directory, 'positions.json'), { force: true })
      const log = await harness.reopen()
      expect(texts(await log.read('events', 0, { bytesMax: 1e6, waitMs: 0 }))).toEqual(['one', 'two'])
      expect(await log.append('events', text('again'))).toBe(2)
    }
    await harness.cleanUp()
  })

  it('names the offset lost to a flipped bit, whichever byte it hits, and reads everything else', async () => {
    const harness = await makeJournal({ segmentBytesMax: 100_000 })
    const values = ['first', 'second', 'third']
    for (const value of values) await harness.log.append('events', text(value))
    await harness.log.close()
    const path = await segmentPath(harness.directory)
    const whole = await readFile(path)
    const magic = Buffer.from([0x31, 0x52, 0x4c, 0x47])
    const start = whole.indexOf(magic, whole.indexOf(magic) + 1)
    const end = whole.indexOf(magic, start + 1)
    for (let at = start; at < end; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x10
      await writeFile(path, damaged)
      harness.lost.length = 0
      const log = await harness.reopen()
      expect(texts(await log.read('events', 0, { bytesMax: 1e6, waitMs: 0 }))).toEqual(['first', 'third'])
      expect(harness.lost).toMatchObject([{ topic: 'events', from: 1, to: 1, reason: 'checksum' }])
    }
    await harness.cleanUp()
  })

  it('never gives an offset twice, even when the end of the log is lost', async () => {
    const harness = await makeJournal()
    for (let i = 0; i < 5; i++) await harness.log.append('events', text(`${i}`))
    harness.log.savePosition('store', 'events', 5)
    await harness.log.close()
    await truncate(await segmentPath(harness.directory), 60)
    const log = await harness.reopen()
    expect(await log.append('events', text('new'))).toBe(5)
    expect(harness.lost).toMatchObject([{ to: 4, reason: 'truncated' }])
    await harness.cleanUp()
  })

  it('drops old segments by age and size, but none that a holding consumer still needs', async () => {
    const harness = await makeJournal({ segmentBytesMax: 100, ageMsMax: 1000, holds: ['store'] })
    for (let i = 0; i < 6; i++) {
      await harness.log.append('events', text('x'.repeat(80)))
      harness.clock.advance(600)
    }
    harness.log.savePosition('store', 'events', 2)
    await harness.log.retain()
    expect(harness.log.bounds('events').first).toBe(2)
    harness.log.savePosition('store', 'events', 6)
    await harness.log.retain()
    expect(harness.log.bounds('events').first).toBeGreaterThan(2)
    expect(harness.lost).toEqual([])
    await harness.cleanUp()
  })

  it('says what it drops when even a holding consumer is beyond the ceiling', async () => {
    const harness = await makeJournal({ segmentBytesMax: 100, ceilingBytes: 500, holds: ['store'] })
    harness.log.savePosition('store', 'events', 0)
    for (let i = 0; i < 8; i++) await harness.log.append('events', text('x'.repeat(80)))
    await harness.log.retain()
    expect(harness.lost[0]).toMatchObject({ from: 0, reason: 'retention' })
    await harness.cleanUp()
  })

  it('refuses beyond what may wait for the disk, and takes more when that is written', async () => {
    const harness = await makeJournal({ inFlightBytesMax: 1000 })
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => harness.log.append('events', text('x'.repeat(600)))),
    )
    expect(results.map((result) => result.status)).toContain('rejected')
    expect(results.find((result) => result.status === 'rejected')).toMatchObject({
      reason: { code: 'log.overloaded', retryAfterSeconds: 2 },
    })
    await harness.log.append('events', text('x'))
    await harness.cleanUp()
  })

  const canMount = process.getuid?.() === 0 && process.platform === 'linux'
  it.skipIf(!canMount)(
    'on a full disk refuses with log.full, keeps what it acknowledged, and goes on when there is room',
    async () => {
      const mount = await mkdtemp(join(tmpdir(), 'guanlan-full-'))
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount])
      try {
        const ballast = join(mount, 'ballast')
        await writeFile(ballast, Buffer.alloc(300_000))
        const harness = await makeJournal({ directory: join(mount, 'journal') })
        const kept: string[] = []
        let refusal: unknown
        for (let i = 0; i < 200 && !refusal; i++) {
          const value = `${i} ${'x'.repeat(10_000)}`
          await harness.log.append('events', text(value)).then(
            () => kept.push(value),
            (error) => {
              refusal = error
            },
          )
        }
        expect(refusal).toMatchObject({ code: 'log.full', retryAfterSeconds: 2 })
        await rm(ballast)
        await harness.log.append('events', text('room again'))
        const log = await harness.reopen()
        expect(texts(await log.read('events', 0, { bytesMax: 1e9, waitMs: 0 }))).toEqual([...kept, 'room again'])
        await harness.cleanUp()
      } finally {
        execFileSync('umount', [mount])
        await rm(mount, { recursive: true })
      }
    },
  )

  it('verifies itself: records, offsets and what is lost', async () => {
    const harness = await makeJournal({ segmentBytesMax: 150 })
    for (let i = 0; i < 6; i++) await harness.log.append('events', text(`value ${i}`))
    await harness.log.close()
    const path = await segmentPath(harness.directory, 0)
    const bytes = await readFile(path)
    bytes[bytes.length - 1]! ^= 1
    await writeFile(path, bytes)
    const [events] = await verifyJournal(harness.directory)
    expect(events).toMatchObject({ topic: 'events', records: 5, next: 6 })
    expect(events?.lost.length).toBe(1)
    await harness.cleanUp()
  })
})
