// Rules, taxonomy and placeholders read again while events come: no gap, and nothing is lost to a file that is wrong.
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import { silentLogger } from '#core/logger.ts'
import { sigmaConfigSchema } from './config.ts'
import { createSigma, type Sigma } from './service.ts'

let directory: string
let sigma: Sigma
const clock = new ManualClock(0)
const within = { timeout: 30_000 }
const rule = (title: string, marker: string) =>
  `title: ${title}\nid: ${title.padStart(8, '0')}-0000-4000-8000-000000000000\nauthor: T\nlogsource: { category: webserver }\ndetection: { sel: { 'url.original|contains': '${marker}' }, condition: sel }\nlevel: low\n`
const taxonomy = (dataset: string) =>
  `logsources:\n  - { category: webserver, when: { event.dataset: [${dataset}] } }\nfields: {}\n`

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-reload-'))
  await mkdir(join(directory, 'rules'))
  await writeFile(join(directory, 'rules', 'a.yml'), rule('A', 'marker-a'))
  await writeFile(join(directory, 'taxonomy.yml'), taxonomy('nginx.access'))
  await writeFile(join(directory, 'placeholders.yml'), 'markers: [marker-p]\n')
  sigma = createSigma(
    sigmaConfigSchema.parse({
      directories: [join(directory, 'rules')],
      taxonomy: join(directory, 'taxonomy.yml'),
      placeholders: join(directory, 'placeholders.yml'),
    }),
    { clock, logger: silentLogger, metrics: new Registry(), disabled: async () => new Set() },
  )
  await sigma.reload()
  sigma.watch()
})
afterEach(async () => {
  sigma.close()
  await rm(directory, { recursive: true, force: true })
})

let n = 0
/** Titles of what one event of a dataset raises. */
function titles(url: string, dataset = 'nginx.access'): string[] {
  clock.advance(60_000)
  const event: Event = {
    ...{ '@timestamp': n, 'event.id': `e${n++}`, 'event.dataset': dataset, 'url.original': url },
    ...{ 'event.ingested': n, 'observer.name': 'test', message: '' },
  }
  return sigma.apply([event], true).map(({ title }) => title)
}

test('a rule that is added or changed is in force; while it is wrong the old one is, with file and line', async () => {
  expect(titles('/marker-a')).toEqual(['A'])
  await writeFile(join(directory, 'rules', 'b.yml'), rule('B', 'marker-b'))
  await vi.waitFor(() => expect(titles('/marker-b')).toEqual(['B']), within)
  await writeFile(join(directory, 'rules', 'b.yml'), rule('B', 'marker-b').replace('contains', 'contain'))
  await vi.waitFor(() => expect(sigma.problems()).toMatchObject([{ line: 5 }]), within)
  expect(titles('/marker-b')).toEqual(['B'])
  await rm(join(directory, 'rules', 'b.yml'))
  await vi.waitFor(() => expect(titles('/marker-b')).toEqual([]), within)
  expect(titles('/marker-a')).toEqual(['A'])
})

test('a directory that goes away for a while takes no rule with it', async () => {
  await rename(join(directory, 'rules'), join(directory, 'elsewhere'))
  await sigma.reload()
  expect(sigma.problems()).toMatchObject([{ cause: 'there is no such file or directory' }])
  expect(titles('/marker-a')).toEqual(['A'])
  await cp(join(directory, 'elsewhere'), join(directory, 'rules'), { recursive: true })
  await sigma.reload()
  expect(sigma.problems()).toEqual([])
  expect(titles('/marker-a')).toEqual(['A'])
})

test('the taxonomy follows its file, and stays what it was while that is wrong', async () => {
  expect(titles('/marker-a', 'iis.access')).toEqual([])
  await writeFile(join(directory, 'taxonomy.yml'), taxonomy('nginx.access, iis.access'))
  await vi.waitFor(() => expect(titles('/marker-a', 'iis.access')).toEqual(['A']), within)
  await writeFile(join(directory, 'taxonomy.yml'), 'logsources:\n  - { category: webserver, wen: {} }\nfields: {}\n')
  await vi.waitFor(
    () => expect(sigma.problems()[0]).toMatchObject({ file: join(directory, 'taxonomy.yml'), line: 2 }),
    within,
  )
  expect(titles('/marker-a', 'iis.access')).toEqual(['A'])
})

test('placeholders follow their file, and stay what they were while that is wrong', async () => {
  const expanded = rule('P', '%markers%').replace('|contains', '|contains|expand')
  await writeFile(join(directory, 'rules', 'p.yml'), expanded)
  await vi.waitFor(() => expect(titles('/marker-p')).toEqual(['P']), within)
  await writeFile(join(directory, 'placeholders.yml'), 'markers: { no: list }\n')
  await vi.waitFor(() => expect(sigma.problems()).toHaveLength(1), within)
  expect(titles('/marker-p')).toEqual(['P'])
  await writeFile(join(directory, 'placeholders.yml'), 'markers: [marker-q]\n')
  await vi.waitFor(() => expect(titles('/marker-q')).toEqual(['P']), within)
  expect(titles('/marker-p')).toEqual([])
})

test('events that come while rules are read again are judged by the old or the new, never by none', async () => {
  for (let i = 0; i < 20; i++) {
    const reading = sigma.reload()
    expect(titles('/marker-a')).toEqual(['A'])
    await new Promise((resolve) => setImmediate(resolve))
    expect(titles('/marker-a')).toEqual(['A'])
    await reading
  }
})

test('what it remembers is how often rules matched, and what to compile before the first event', async () => {
  expect(titles('/marker-a')).toEqual(['A'])
  const text = sigma.memory()
  const again = createSigma(
    sigmaConfigSchema.parse({ directories: [join(directory, 'rules')], taxonomy: join(directory, 'taxonomy.yml') }),
    { clock, logger: silentLogger, metrics: new Registry(), disabled: async () => new Set() },
  )
  await again.reload()
  await again.remember(text)
  expect(again.rules()[0]).toMatchObject({ title: 'A', matches: 1 })
  expect(JSON.parse(again.memory())).toEqual(JSON.parse(text))
  await expect(again.remember('[]')).rejects.toThrow()
})
