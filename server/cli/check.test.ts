import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { check } from './check.ts'

it('checks the rules of the directories that the settings name', async () => {
  const home = mkdtempSync(join(tmpdir(), 'guanlan-check-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const shipped = resolve(import.meta.dirname, '../../rules')
  cpSync(join(shipped, 'kpi'), join(home, 'kpi'), { recursive: true })
  const definition = readFileSync(join(shipped, 'kpi/late.yml'), 'utf8')
  writeFileSync(
    join(home, 'kpi/late-2.yml'),
    definition.replace('id: late', 'id: later').replace('fact: case', 'fact: case\ncalendar: mars'),
  )
  mkdirSync(join(home, 'sigma'))
  writeFileSync(join(home, 'sigma/open.yml'), 'title: [\n')
  const config = join(home, 'guanlan.yaml')
  writeFileSync(
    config,
    `rules: { kpi: ${join(home, 'kpi')} }\nsecurity: { sigma: { directories: [${join(home, 'sigma')}] } }\n`,
  )
  const said: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((text) => void said.push(String(text)))
  onTestFinished(() => log.mockRestore())
  expect(await check.run({ positionals: [], options: { config }, lists: {}, json: true })).toBe(1)
  const { problems } = JSON.parse(said.join('')) as { problems: { file: string; cause: string }[] }
  expect(problems).toContainEqual(
    expect.objectContaining({ file: join(home, 'kpi/late-2.yml'), cause: 'there is no calendar "mars"' }),
  )
  expect(problems.some(({ file }) => file.endsWith('open.yml'))).toBe(true)
})
