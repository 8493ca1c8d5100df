import { appendFile, copyFile, mkdtemp, open, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { createRecorder, type Recorder, until } from '../recorder.ts'
import { FileCollector } from './collector.ts'
import { fileConfigSchema } from './config.ts'

describe('the file collector', () => {
  let directory: string
  let recorder: Recorder
  const running: FileCollector[] = []
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-file-'))
    recorder = createRecorder()
  })
  afterEach(async () => {
    for (const collector of running.splice(0)) await collector.stop()
    await rm(directory, { recursive: true })
  })

  const at = (name: string): string => join(directory, name)
  const texts = (of = recorder): string[] => of.events.map((event) => event.original!)
  type Overrides = Partial<z.input<typeof fileConfigSchema>> & { source?: object }
  const start = async ({ source, ...overrides }: Overrides = {}, of = recorder): Promise<FileCollector> => {
    const config = fileConfigSchema.parse({
      sources: [{ paths: [at('*.log')], ...source }],
      pollIntervalMs: 100,
      activeIntervalMs: 20,
      discoverIntervalMs: 200,
      rotatedTimeoutMs: 500,
      partialLineTimeoutMs: 300,
      ...overrides,
    })
    const collector = new FileCollector(config, of.deps)
    running.push(collector)
    await collector.start()
    return collector
  }
  const lines = (from: number, to: number): string => {
    let text = ''
    for (let i = from; i < to; i++) text += `line ${i}\n`
    return text
  }
  const numbered = (from: number, to: number): string[] => lines(from, to).trimEnd().split('\n')

  it('reads what is there, follows it, and tells where each line came from', async () => {
    await writeFile(at('a.log'), 'one\ntwo\r\n')
    await start({ source: { dataset: 'demo' } })
    await until(() => recorder.events.length === 2, 'two lines')
    await appendFile(at('a.log'), 'three\n')
    await until(() => recorder.events.length === 3, 'the third line')
    expect(texts()).toEqual(['one', 'two', 'three'])
    expect(recorder.events[2]).toMatchObject({
      dataset: 'demo',
      fields: { log: { offset: 9, file: { path: at('a.log') } } },
      origin: { receiver: 'file', source: at('a.log') },
    })
    expect(recorder.counts).toMatchObject({ received: 3, accepted: 3 })
  })

  it('has a new line when it is written, long before the next look', async () => {
    await writeFile(at('a.log'), 'one\n')
    await start({ pollIntervalMs: 60_000, activeIntervalMs: 10_000, discoverIntervalMs: 60_000 })
    await until(() => recorder.events.length === 1, 'the first line')
    for (let i = 2; i < 7; i++) {
      await appendFile(at('a.log'), `more ${i}\n`)
      await until(() => recorder.events.length === i, 'another line')
    }
    await writeFile(at('new.log'), 'new file\n')
    await until(() => texts().includes('new file'), 'the line of a new file')
  })

  it('starts at the end when told to, but reads later files whole', async () => {
    await writeFile(at('a.log'), 'old\n')
    await start({ source: { startAt: 'end' } })
    await appendFile(at('a.log'), 'fresh\n')
    await writeFile(at('b.log'), 'whole\n')
    await until(() => recorder.events.length === 2, 'both')
    expect(texts().sort()).toEqual(['fresh', 'whole'])
  })

  it('reads the end of a big file at first, from the beginning of a line', async () => {
    await writeFile(at('a.log'), lines(0, 1000))
    await start({ firstReadBytesMax: 100 })
    await until(() => texts().at(-1) === 'line 999', 'the last line')
    expect(texts()).toEqual(numbered(1000 - recorder.events.length, 1000))
    expect(recorder.events.length).toBeLessThan(12)
  })

  it('loses and repeats nothing when a file is renamed while it is written', async () => {
    const handle = await open(at('a.log'), 'a')
    await handle.write(lines(0, 100))
    await start()
    await until(() => recorder.events.length === 100, 'the first hundred')
    await handle.write(lines(100, 150))
    await rename(at('a.log'), at('a.log.1'))
    await handle.write(lines(150, 200))
    await writeFile(at('a.log'), lines(300, 400))
    await handle.write(lines(200, 300))
    await handle.close()
    await until(() => recorder.events.length >= 400, 'all')
    expect(texts().sort()).toEqual(numbered(0, 400).sort())
    expect(new Set(recorder.events.map(({ id }) => id)).size).toBe(400)
  })

  it('begins anew when a file is copied and truncated, even when it grew beyond the old size meanwhile', async () => {
    await writeFile(at('a.log'), lines(0, 100))
    await start()
    await until(() => recorder.events.length === 100, 'the first hundred')
    await copyFile(at('a.log'), at('a.old'))
    await truncate(at('a.log'))
    await appendFile(at('a.log'), lines(100, 400))
    await until(() => recorder.events.length >= 400, 'all')
    expect(texts().sort()).toEqual(numbered(0, 400).sort())
    expect(new Set(recorder.events.map(({ id }) => id)).size).toBe(400)
  })

  it('gives the same line at the same place another identity after a truncation', async () => {
    await writeFile(at('a.log'), 'same\n')
    await start()
    await until(() => recorder.events.length === 1, 'first')
    await truncate(at('a.log'))
    // Longer than it takes to look again: a truncation between two looks shows only by what follows.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await appendFile(at('a.log'), 'same\n')
    await until(() => recorder.events.length === 2, 'second')
    expect(recorder.events[0]!.id).not.toBe(recorder.events[1]!.id)
  })

  it('goes on where it stopped, also in a file rotated meanwhile', async () => {
    await writeFile(at('a.log'), lines(0, 100))
    const first = await start()
    await until(() => recorder.events.length === 100, 'the first hundred')
    await first.stop()
    await appendFile(at('a.log'), lines(100, 200))
    await rename(at('a.log'), at('a.log.1'))
    await writeFile(at('a.log'), lines(200, 300))
    await start()
    await until(() => recorder.events.length >= 300, 'all')
    expect(texts().sort()).toEqual(numbered(0, 300).sort())
  })

  it('gives the same identities when it dies between keeping and saving its position', async () => {
    await writeFile(at('a.log'), lines(0, 50))
    const first = await start()
    await until(() => recorder.events.length === 50, 'first reading')
    await first.stop()
    // The position of the moment before: as if it had not reached the disk.
    const again = createRecorder(
      new Map(
        [...recorder.positions.entries].map(([key, value]) => [key, value.replace(/"offset":\d+/, '"offset":0')]),
      ),
    )
    await start({}, again)
    await until(() => again.events.length === 50, 'second reading')
    expect(again.events.map(({ id }) => id)).toEqual(recorder.events.map(({ id }) => id))
  })

  it('waits while the log is full, keeping the order and losing nothing', async () => {
    await writeFile(at('a.log'), lines(0, 30))
    let refusals = 3
    recorder.before = () => {
      if (refusals-- > 0) throw new CodedError('log.full', { path: '/data' }, { retryAfterSeconds: 0 })
    }
    await start({ batchEventsMax: 10 })
    await until(() => recorder.events.length >= 30, 'all')
    expect(texts()).toEqual(numbered(0, 30))
    expect(recorder.counts.received).toBe(30)
  })

  it('stops while the log is full, and the position stays before what was not kept', async () => {
    await writeFile(at('a.log'), lines(0, 30))
    let asked = 0
    recorder.before = () => {
      asked++
      throw new CodedError('log.full', { path: '/data' }, { retryAfterSeconds: 60 })
    }
    const collector = await start()
    await until(() => asked > 0, 'the log to be asked')
    await collector.stop()
    expect(JSON.parse([...recorder.positions.entries.values()][0]!)).toMatchObject({ offset: 0 })
    expect(recorder.counts.received).toBe(0)
  })

  it('joins lines to one event by the start pattern', async () => {
    const trace = 'ERROR boom\n  at a\n  at b\nINFO fine\nERROR again\n  at c\n'
    await writeFile(at('a.log'), trace)
    await start({ source: { multiline: { startPattern: '^[A-Z]+ ', timeoutMs: 100 } } })
    await until(() => recorder.events.length === 3, 'three events')
    expect(texts()).toEqual(['ERROR boom\n  at a\n  at b', 'INFO fine', 'ERROR again\n  at c'])
    expect(recorder.events[0]!.fields).toMatchObject({ log: { flags: ['multiline'] } })
  })

  it('cuts a long line, says so, and goes on behind it', async () => {
    await writeFile(at('a.log'), `${'x'.repeat(700_000)}\nnext\n`)
    await start()
    await until(() => recorder.events.length === 2, 'both lines')
    expect(texts()[0]).toHaveLength(65_536)
    expect(recorder.events[0]!.fields).toMatchObject({ log: { flags: ['truncated'] } })
    expect(recorder.events[1]).toMatchObject({ original: 'next', fields: { log: { offset: 700_001 } } })
  })

  it('reads invalid UTF-8, NULs, blank lines and GB 18030', async () => {
    const bytes = [Buffer.from('ok \xff\xfe bad\n', 'latin1'), Buffer.from('\0\0\0after a hole\nin\0side\n\n')]
    await writeFile(at('a.log'), Buffer.concat(bytes))
    await start()
    await until(() => recorder.counts.received === 4, 'all lines')
    expect(texts()).toEqual(['ok \uFFFD\uFFFD bad', 'after a hole', 'in\uFFFDside'])
    expect(recorder.counts.dropped).toEqual({ blank: 1 })
    const gb = createRecorder()
    // 登录失败 in GB 18030
    await writeFile(at('gb.txt'), Buffer.from('b5c7c2bccaa7b0dc0a', 'hex'))
    await start({ sources: [{ paths: [at('gb.txt')], encoding: 'gb18030' }] }, gb)
    await until(() => gb.events.length === 1, 'the GB 18030 line')
    expect(texts(gb)).toEqual(['登录失败'])
  })

  it('holds the last line until it ends, but not for ever', async () => {
    await writeFile(at('a.log'), 'half ')
    await start({ partialLineTimeoutMs: 3000 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    await appendFile(at('a.log'), 'whole\nrest')
    await until(() => recorder.events.length === 2, 'both')
    expect(texts()).toEqual(['half whole', 'rest'])
  })

  it('leaves compressed files alone', async () => {
    await writeFile(at('a.log.gz'), 'binary\n')
    await writeFile(at('b.log'), 'plain\n')
    await start({ source: { paths: [at('*')] } })
    await until(() => recorder.events.length === 1, 'the plain line')
    expect(texts()).toEqual(['plain'])
  })

  it('reads 100,000 lines, each once and in order', async () => {
    await writeFile(at('a.log'), lines(0, 100_000))
    await start()
    await until(() => recorder.events.length >= 100_000, 'all')
    expect(texts()).toEqual(numbered(0, 100_000))
  })

  it('reads a table of Zeek, after a restart in the middle of it too', async () => {
    const header =
      '#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tuid\tid.orig_h\n#types\ttime\tstring\taddr\n'
    await writeFile(at('conn.log'), `${header}1.5\tC1\t192.0.2.7\n`)
    const first = await start()
    await until(() => recorder.events.length === 1, 'the first row')
    await first.stop()
    await appendFile(at('conn.log'), '2.5\tC2\t-\ncut short\n#close\t2026\n')
    await start()
    await until(() => recorder.events.length === 3, 'the rest')
    expect(recorder.events.map(({ dataset, fields }) => [dataset, fields!['message']])).toEqual([
      ['zeek', '{"_path":"conn","ts":1.5,"uid":"C1","id.orig_h":"192.0.2.7"}'],
      ['zeek', '{"_path":"conn","ts":2.5,"uid":"C2"}'],
      [undefined, undefined],
    ])
    expect(texts()).toEqual(['1.5\tC1\t192.0.2.7', '2.5\tC2\t-', 'cut short'])
    expect(recorder.counts).toMatchObject({ accepted: 3, dropped: { header: 8 } })
  })

  it('reads files of records whole, compressed or not, once, and again when they change', async () => {
    const trail = (...names: string[]) => JSON.stringify({ Records: names.map((eventName) => ({ eventName })) })
    await writeFile(at('a.json'), trail('One', 'Two'))
    await writeFile(at('b.json.gz'), gzipSync(trail('Three')))
    await writeFile(at('broken.json'), '{"Records": [')
    await writeFile(at('other.json'), '{"Records": [1, {"eventName": "Four"}]}')
    const source = { paths: [at('*.json'), at('*.json.gz')], records: 'Records', dataset: 'cloudtrail' }
    const first = await start({ source })
    const names = () => recorder.events.map(({ fields }) => fields!['eventName']).sort()
    await until(() => recorder.events.length === 4, 'four records')
    await until(() => recorder.counts.rejected['invalid'] === 1, 'the broken one is told')
    expect(names()).toEqual(['Four', 'One', 'Three', 'Two'])
    expect(recorder.events.every(({ dataset, id }) => dataset === 'cloudtrail' && id !== undefined)).toBe(true)
    expect(recorder.counts).toMatchObject({ received: 6, accepted: 4, rejected: { 'not-an-object': 1, invalid: 1 } })
    await first.stop()
    await start({ source })
    await writeFile(at('broken.json'), trail('Five'))
    await until(() => recorder.events.length === 5, 'the mended one')
    expect(names()).toEqual(['Five', 'Four', 'One', 'Three', 'Two'])
  })

  it('leaves compressed files alone that are not files of records', async () => {
    await writeFile(at('old.log.gz'), gzipSync('line\n'))
    await writeFile(at('new.log'), 'line\n')
    await start({ source: { paths: [at('*')] } })
    await until(() => recorder.events.length === 1, 'the line')
    expect(recorder.events[0]!.origin.source).toBe(at('new.log'))
  })
})
