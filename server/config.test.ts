import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatProblem } from '#core/yaml-source.ts'
import { environmentName, loadConfig, readConfig, withoutSecrets } from './config.ts'

let directory: string
let file: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'guanlan-config-'))
  file = join(directory, 'guanlan.yaml')
})
afterEach(() => rmSync(directory, { recursive: true }))

const problems = (text: string, environment: Record<string, string> = {}): string[] => {
  writeFileSync(file, text)
  return readConfig(environment, file).problems.map((problem) => formatProblem(problem).replace(directory, ''))
}

test('without a file and without variables everything has its default', () => {
  const { config, file: read } = loadConfig({}, file)
  expect(read).toBe('')
  expect(config.http.listen).toBe('127.0.0.1:7700')
  expect(config.collectors).toHaveProperty('syslog.udpListen', '127.0.0.1:5514')
})

test('an empty file is as good as none', () => {
  expect(problems('')).toEqual([])
  expect(problems('# nothing\n')).toEqual([])
})

test('the environment wins over the file, and speaks YAML', () => {
  writeFileSync(file, 'data: /from/file\nhttp: { listen: "127.0.0.1:1" }\n')
  const { config } = loadConfig(
    {
      GUANLAN_DATA: '/from/environment',
      GUANLAN_HTTP_HOSTS: '[a.example, b.example]',
      GUANLAN_COLLECTORS_HOST_INTERVAL_MS: '5000',
      GUANLAN_COLLECTORS_SYSLOG_UDP_LISTEN: '',
      DATABASE_URL: 'postgres://db/x',
      UNRELATED: '1',
    },
    file,
  )
  expect(config.data).toBe('/from/environment')
  expect(config.http).toMatchObject({ listen: '127.0.0.1:1', hosts: ['a.example', 'b.example'] })
  expect(config.collectors).toMatchObject({ host: { intervalMs: 5000 }, syslog: { udpListen: '' } })
  expect(config.database.url).toBe('postgres://db/x')
})

test('what is wrong is named with line and suggestion', () => {
  expect(problems('http:\n  listn: 127.0.0.1:1\n')).toEqual([
    '/guanlan.yaml:2: unknown key "listn" in http. Did you mean "listen"?',
  ])
  expect(problems('data: ok\nhttp:\n  listen: nowhere\n')[0]).toMatch(/^\/guanlan.yaml:3: .*address:port/)
  expect(problems('collectors:\n  sylog: {}\n')[0]).toContain('syslog')
  expect(problems('a: [\n')[0]).toMatch(/^\/guanlan.yaml:/)
  expect(problems('', { GUANLAN_HTTP_LISTN: 'x' })).toEqual([
    'environment GUANLAN_HTTP_LISTN: there is no such setting. Did you mean "GUANLAN_HTTP_LISTEN"?',
  ])
  expect(problems('', { GUANLAN_HTTP_LISTEN: 'x' })[0]).toContain('GUANLAN_HTTP_LISTEN')
  expect(() => loadConfig({ GUANLAN_CONFIG: join(directory, 'absent.yaml') })).toThrow(/does not exist/)
})

test('names of variables follow the path', () => {
  expect(environmentName(['collectors', 'http-events', 'bodyBytesMax'])).toBe(
    'GUANLAN_COLLECTORS_HTTP_EVENTS_BODY_BYTES_MAX',
  )
})

test('secrets are cut, in whatever form they come', () => {
  expect(
    withoutSecrets({
      password: 'a',
      nested: [{ secret: 'whsec_x', name: 'n' }],
      url: 'postgres://u:p@h/d',
      apiToken: 't',
      empty: { password: '' },
    }),
  ).toEqual({
    password: '•••',
    nested: [{ secret: '•••', name: 'n' }],
    url: 'postgres://•••@h/d',
    apiToken: '•••',
    empty: { password: '' },
  })
})
