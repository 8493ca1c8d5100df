import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { likely } from './classification.ts'
import { openRulebook } from './live-rulebook.ts'
import { checkRulebook, readRulebook } from './rulebook.ts'

let directory: string
const places = () => ({ incidents: join(directory, 'incidents'), playbooks: join(directory, 'playbooks') })
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-rulebook-'))
  for (const name of ['incidents', 'playbooks'])
    await cp(join('rules', name), join(directory, name), { recursive: true })
})
afterAll(() => rm(directory, { recursive: true }))

/** With one text of a file replaced, and put back. */
async function broken(file: string, from: string | RegExp, to: string) {
  const path = join(directory, file)
  const text = await readFile(path, 'utf8')
  expect(text).toMatch(from)
  await writeFile(path, text.replace(from, to))
  const { problems } = checkRulebook(places())
  await writeFile(path, text)
  return problems[0]
}

it('the shipped rulebook is whole: ten categories and the rest, every kind once, a playbook for each of six threats', () => {
  const { classification, kinds, playbooks, reporting } = readRulebook(places())
  expect(classification.categories.map(({ kinds: some }) => some.length)).toEqual([10, 21, 12, 8, 5, 8, 3, 3, 5, 1])
  expect(kinds.size).toBe(76)
  expect(playbooks).toHaveLength(6)
  expect(reporting.operators.map(({ minutes }) => minutes)).toEqual([60, 120, 240])
})

it('what is wrong is named with file and line', async () => {
  expect(await broken('playbooks/ransomware.yml', 'minutes: 10', 'minute: 10')).toMatchObject({
    ...{ file: join(directory, 'playbooks/ransomware.yml'), line: 14 },
  })
  expect((await broken('playbooks/ransomware.yml', 'kinds: [ransomware]', 'kinds: [ransom]'))?.cause).toContain(
    '"ransom"',
  )
  expect((await broken('playbooks/ransomware.yml', 'id: note', 'id: isolate'))?.cause).toContain('"isolate"')
  expect((await broken('incidents/grading.yml', 'severe: major, ', ''))?.cause).toContain(
    'no grade for vital and severe',
  )
  expect((await broken('incidents/reporting.yml', 'minutes: 60', 'minutes: soon'))?.line).toBeGreaterThan(10)
  expect(checkRulebook(places()).problems).toEqual([])
})

it('a technique says more than a word, a word more than a tactic; nothing says nothing', () => {
  const { classification } = readRulebook(places())
  const kinds = (tactics: string[], techniques: string[], texts: string[]) =>
    likely(classification, { tactics, techniques, texts }).map(({ kind }) => kind)
  expect(kinds(['credential-access'], ['T1486'], ['DDoS'])).toEqual([
    'ransomware',
    'denial-of-service',
    'credential-attack',
  ])
  expect(kinds([], ['T1110.003'], [])).toEqual(['credential-attack'])
  expect(kinds([], [], [])).toEqual([])
})

it('what is edited is in force without a restart; what is wrong is named, and what it was stays', async () => {
  const live = openRulebook(places(), ({ reporting }) => {
    if (reporting.operators.length < 3) throw new Error('an operator is gone')
  })
  const told: number[] = []
  live.watch((problems) => told.push(problems.length))
  const path = join(directory, 'playbooks/ransomware.yml')
  const text = await readFile(path, 'utf8')
  const minutes = () => live.current.playbooks.find(({ id }) => id === 'ransomware')!.steps[0]!.minutes
  expect(minutes()).toBe(10)
  await writeFile(path, text.replace('minutes: 10', 'minutes: 11'))
  await vi.waitFor(() => expect(minutes()).toBe(11), { timeout: 30_000 })
  expect(live.problems).toEqual([])
  await writeFile(path, text.replace('minutes: 10', 'minutes: ten'))
  await vi.waitFor(() => expect(live.problems).toMatchObject([{ file: path, line: 17 }]), { timeout: 30_000 })
  expect(minutes()).toBe(11)
  await rm(path)
  await vi.waitFor(() => expect(live.current.playbooks).toHaveLength(5), { timeout: 30_000 })
  await writeFile(path, text)
  await vi.waitFor(() => expect(minutes()).toBe(10), { timeout: 30_000 })
  const reporting = join(directory, 'incidents/reporting.yml')
  const duties = await readFile(reporting, 'utf8')
  await rm(reporting)
  await vi.waitFor(() => expect(live.problems[0]?.cause).toContain('ENOENT'), { timeout: 30_000 })
  await writeFile(reporting, duties)
  await vi.waitFor(() => expect(live.problems).toEqual([]), { timeout: 30_000 })
  expect(told).toContain(1)
  live.close()
})
