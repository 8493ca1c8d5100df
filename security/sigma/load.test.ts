// What is too much of is named, never cut off without a word.
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import JSZip from 'jszip'
import { pack as tarPack } from 'tar-stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadRules } from './load.ts'

const names = ['a.yml', 'b.yaml', 'c.yml', 'd.yml', 'e.yml']
const rule = (name: string): string =>
  `title: ${name}\nlogsource: { product: linux }\ndetection:\n  s: { a: b }\n  condition: s\n`
let work: string
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'guanlan-load-'))
  await mkdir(join(work, 'folder'))
  const [zip, tar] = [new JSZip(), tarPack()]
  for (const name of names) {
    await writeFile(join(work, 'folder', name), rule(name))
    zip.file(name, rule(name))
    tar.entry({ name }, rule(name))
  }
  await writeFile(join(work, 'folder', 'read.me'), 'no rule')
  await writeFile(join(work, 'rules.zip'), await zip.generateAsync({ type: 'uint8array' }))
  tar.finalize()
  await pipeline(tar, createWriteStream(join(work, 'rules.tar')))
})
afterAll(() => rm(work, { recursive: true }))

it.each(['folder', 'rules.zip', 'rules.tar'])('of %s, what is beyond the bound is counted and named', async (name) => {
  const path = join(work, name)
  const load = (most?: number) => loadRules(path, { placeholders: new Map(), license: '' }, most)
  const whole = await load()
  expect([whole.files, whole.rules.length, whole.problems]).toEqual([5, 5, []])
  expect((await load(5)).problems).toEqual([])
  const cut = await load(3)
  expect(cut.rules.map(({ meta }) => meta.title)).toEqual(['a.yml', 'b.yaml', 'c.yml'])
  expect(cut.problems).toEqual([
    {
      ...{ file: path, line: 0, hint: 'Put them into several folders and name each' },
      cause: '5 rule files, of which the last 2 were not read: at most 3 are',
    },
  ])
})
