import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CodedError } from '#core/errors.ts'
import { createRecorder, type Recorder, until } from '../recorder.ts'
import { JournaldCollector } from './collector.ts'
import { journaldConfigSchema } from './config.ts'
import { decodeEntry, type JournalEntry } from './decode.ts'

const remote = '/lib/systemd/systemd-journal-remote'
// Both are needed: one makes a real journal, the other reads it.
const hasJournal = existsSync(remote) && spawnSync('journalctl', ['--version']).status === 0

describe('the journald collector', () => {
  let directory: string
  let recorder: Recorder
  const running: JournaldCollector[] = []
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-journal-'))
    recorder = createRecorder()
  })
  afterEach(async () => {
    for (const collector of running.splice(0)) await collector.stop()
    await rm(directory, { recursive: true })
  })

  const start = async (overrides: object = {}, of = recorder): Promise<JournaldCollector> => {
    const config = journaldConfigSchema.parse({ directory, lookIntervalMs: 100, ...overrides })
    const collector = new JournaldCollector(config, of.deps)
    running.push(collector)
    await collector.start()
    return collector
  }
  const texts = (of = recorder): string[] => of.events.map(({ original }) => original!)

  /** Synthetic entries in the export format, turned into a real journal file. */
  const write = async (name: string, from: number, to: number): Promise<void> => {
    const parts: Buffer[] = []
    for (let i = from; i < to; i++) {
      const at = 1_790_000_000_000_000 + i * 1000
      const head = `__REALTIME_TIMESTAMP=${at}\n__MONOTONIC_TIMESTAMP=${i * 1000 + 1}\n_BOOT_ID=${'b'.repeat(32)}\n`
      const fields = `PRIORITY=${i % 8}\nSYSLOG_IDENTIFIER=demo\n_PID=${100 + i}\n_UID=33\n_COMM=demo\n_HOSTNAME=synthetic-1\n_SYSTEMD_UNIT=demo.service\n`
      parts.push(Buffer.from(`${head}${fields}MESSAGE=entry ${i}\n\n`))
    }
    // journalctl takes a file that appears whole.
    const building = await mkdtemp(join(tmpdir(), 'guanlan-building-'))
    const file = join(building, `${name}.journal`)
    const made = spawnSync(remote, ['--split-mode=none', `--output=${file}`, '-'], { input: Buffer.concat(parts) })
    if (made.status !== 0) throw new Error(String(made.stderr))
    await rename(file, join(directory, `${name}.journal`))
    await rm(building, { recursive: true })
  }

  it.skipIf(!hasJournal)(
    'reads a real journal, and goes on behind its cursor (needs systemd-journal-remote)',
    async () => {
      await write('one', 0, 300)
      const first = await start()
      await until(() => recorder.events.length === 300, 'all entries')
      expect(texts()).toEqual(Array.from({ length: 300 }, (_, i) => `entry ${i}`))
      expect(recorder.events[3]).toMatchObject({
        timestampMs: 1_790_000_000_003,
        origin: { receiver: 'journald', source: 'demo.service' },
        fields: {
          'systemd.unit': 'demo.service',
          'log.level': 'error',
          'log.syslog.severity.code': 3,
          'process.name': 'demo',
          'process.pid': 103,
          'user.id': '33',
          'host.name': 'synthetic-1',
        },
      })
      expect(new Set(recorder.events.map(({ id }) => id)).size).toBe(300)
      await first.stop()
      await write('two', 300, 400)
      await start()
      await until(() => recorder.events.length >= 400, 'the entries since')
      expect(texts().slice(300)).toEqual(Array.from({ length: 100 }, (_, i) => `entry ${300 + i}`))
      expect(recorder.counts).toMatchObject({ received: 400, accepted: 400 })
    },
  )

  it.skipIf(!hasJournal)(
    'begins with the last entries, and follows new ones (needs systemd-journal-remote)',
    async () => {
      await write('one', 0, 300)
      await start({ firstEntriesMax: 10 })
      await until(() => recorder.events.length === 10, 'the last ten')
      expect(texts()[0]).toBe('entry 290')
      await write('two', 300, 310)
      await until(() => recorder.events.length === 20, 'the new ones')
      expect(texts().at(-1)).toBe('entry 309')
    },
  )

  it.skipIf(!hasJournal)('keeps its cursor while the log is full (needs systemd-journal-remote)', async () => {
    await write('one', 0, 50)
    let isFull = true
    let asked = 0
    recorder.before = () => {
      asked++
      if (isFull) throw new CodedError('log.full', { path: '/data' }, { retryAfterSeconds: 0 })
    }
    const collector = await start()
    await until(() => asked > 0, 'the log to be asked')
    await collector.stop()
    expect(recorder.positions.get('cursor')).toBeUndefined()
    isFull = false
    await start()
    await until(() => recorder.events.length === 50, 'all')
    expect(recorder.counts.received).toBe(50)
  })

  it('is idle and well without a journal, saying why', async () => {
    const nowhere = await start({ directory: join(directory, 'absent') })
    await until(() => nowhere.health().detail !== '', 'the reason')
    expect(nowhere.health()).toMatchObject({ state: 'ok', detail: expect.stringContaining('no journal') })
    const without = await start({ command: join(directory, 'no-journalctl') })
    await until(() => without.health().detail !== '', 'the reason')
    expect(without.health()).toMatchObject({ state: 'ok', detail: expect.stringContaining('there is no') })
  })

  it('starts journalctl again when it ends, behind the last entry, and drops what is too large or broken', async () => {
    const command = join(directory, 'journalctl')
    const line = (i: number) => JSON.stringify({ __CURSOR: `s=a;i=${i}`, MESSAGE: `m${i}` })
    const large = JSON.stringify({ __CURSOR: 's=a;i=9', MESSAGE: 'x'.repeat(10_000) })
    await mkdir(join(directory, 'logs'))
    await writeFile(join(directory, 'logs', 'x.journal'), '')
    // Stands for a journalctl that dies after each entry: the real one cannot be made to.
    await writeFile(
      command,
      `#!/bin/sh\ncase "$*" in\n*--version*) exit 0;;\n*i=1*) echo '${line(2)}'; echo broken; echo '${large}'; echo '${line(3)}'; sleep 5;;\n*) echo '${line(1)}'; exit 1;;\nesac\n`,
    )
    await chmod(command, 0o755)
    await start({ command, directory: join(directory, 'logs'), entryBytesMax: 4096 })
    await until(() => recorder.events.length === 3, 'three entries')
    expect(texts()).toEqual(['m1', 'm2', 'm3'])
    expect(recorder.counts.dropped).toEqual({ json: 1, 'too-large': 1 })
    expect(recorder.counts.received).toBe(5)
  })

  it('decodes binary messages, repeated fields, and refuses what is no entry', () => {
    const entry = (fields: object) =>
      decodeEntry(JSON.stringify({ __CURSOR: 's=1;i=2;b=3', ...fields })) as JournalEntry
    expect(entry({ MESSAGE: [104, 105, 255, 0] }).event).toMatchObject({
      original: 'hi\uFFFD\uFFFD',
      id: 'journal:1:2',
    })
    expect(entry({ MESSAGE: ['first', 'second'] }).event.original).toBe('first')
    expect(entry({ MESSAGE: 'x', _SOURCE_REALTIME_TIMESTAMP: '1790000000123456' }).event.timestampMs).toBe(
      1790000000123,
    )
    expect(entry({ MESSAGE: 'x', PRIORITY: '99', _PID: 'zero' }).event.fields).toEqual({})
    expect(decodeEntry('{"__CURSOR":"s=1"}')).toBe('no-message')
    expect(decodeEntry('{"MESSAGE":"x"}')).toBe('cursor')
    for (const bad of ['', 'null', '[]', '{', '7']) expect(decodeEntry(bad)).toBe('json')
  })
})
