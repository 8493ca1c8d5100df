import { expect, test } from 'vitest'
import { decodeSyslog } from './decode.ts'

const nowMs = Date.UTC(2026, 10, 24, 8, 30)
const decode = (text: string, offsetMinutes = 0): Record<string, unknown> => {
  const { original, timestampMs, fields } = decodeSyslog(text, { nowMs, offsetMinutes })
  return { original, time: timestampMs === undefined ? undefined : new Date(timestampMs).toISOString(), ...fields }
}

test('RFC 5424 with structured data, escapes and the mark', () => {
  const line =
    '<165>1 2026-11-24T08:00:00.003Z web-1.gov.cn app 8710 ID47 [ex@32473 iut="3" src="a \\"b\\" \\]c\\x"][o@1] \uFEFF登录失败'
  expect(decode(line)).toMatchObject({
    time: '2026-11-24T08:00:00.003Z',
    'host.name': 'web-1.gov.cn',
    'process.name': 'app',
    'process.pid': 8710,
    'log.syslog.msgid': 'ID47',
    'log.syslog.facility.name': 'local4',
    'log.syslog.severity.name': 'notice',
    'log.syslog.structured_data.ex@32473.iut': '3',
    'log.syslog.structured_data.ex@32473.src': 'a "b" ]c\\x',
    message: '登录失败',
  })
})

test('RFC 5424 with nothing but dashes', () => {
  const { message, ...rest } = decode('<34>1 - - - - - - hello')
  expect(message).toBe('hello')
  expect(rest).not.toHaveProperty('host.name')
  expect(rest['time']).toBeUndefined()
})

test.each([
  [
    '<38>Nov 24 08:00:00 web-1 sshd[812]: Failed password',
    'web-1',
    'sshd',
    812,
    'Failed password',
    '2026-11-24T08:00:00.000Z',
  ],
  ['<38>Dec 31 23:59:59 web-1 sshd: late', 'web-1', 'sshd', undefined, 'late', '2025-12-31T23:59:59.000Z'],
  ['<13>Nov  4 08:00:00 db su: x: y', 'db', 'su', undefined, 'x: y', '2026-11-04T08:00:00.000Z'],
  ['<13>2026-11-24T08:00:00.5+08:00 db cron[1]: run', 'db', 'cron', 1, 'run', '2026-11-24T00:00:00.500Z'],
  ['<13>2026 Nov 24 08:00:00 fw-1 app: up', 'fw-1', 'app', undefined, 'up', '2026-11-24T08:00:00.000Z'],
  ['<13>Nov 24 08:00:00 sshd[812]: no host', undefined, 'sshd', 812, 'no host', '2026-11-24T08:00:00.000Z'],
  [
    '<189>45: *Nov 24 08:00:00.123: %SYS-5-CONFIG_I: by console',
    undefined,
    undefined,
    undefined,
    '%SYS-5-CONFIG_I: by console',
    '2026-11-24T08:00:00.123Z',
  ],
  [
    '<134>Nov 24 08:00:00 fw CEF:0|V|P|1|2|n|3|',
    'fw',
    undefined,
    undefined,
    'CEF:0|V|P|1|2|n|3|',
    '2026-11-24T08:00:00.000Z',
  ],
  ['just some text: here', undefined, undefined, undefined, 'just some text: here', undefined],
  ['<999>odd priority', undefined, undefined, undefined, '<999>odd priority', undefined],
  ['', undefined, undefined, undefined, '', undefined],
])('tolerant: %s', (line, host, program, pid, message, time) => {
  const found = decode(line)
  expect([found['host.name'], found['process.name'], found['process.pid'], found['message'], found['time']]).toEqual([
    host,
    program,
    pid,
    message,
    time,
  ])
})

test('a sender without a zone is read in the configured one', () => {
  expect(decode('<13>Nov 24 08:00:00 a b: c', 480)['time']).toBe('2026-11-24T00:00:00.000Z')
})

test('NUL and line ends at the end go, inside they stay', () => {
  expect(decode('<13>a\0b\r\n\0')['original']).toBe('<13>a\0b')
})

test.each([
  ['<189>2026-11-24 07:59:59: %%01POLICY/6/POLICYDENY(l):vsys=public', undefined, '2026-11-23T23:59:59.000Z'],
  ['<190>Nov 24 07:59:59 2026 sw-1 %%10SHELL/5/SHELL_LOGIN: wei logged in', 'sw-1', '2026-11-23T23:59:59.000Z'],
  ['<190>Nov 24 2026 07:59:59+03:00 DST fw-1 %%01SSH/4/X(s):y', 'fw-1', '2026-11-24T04:59:59.000Z'],
])('of a device: %s', (line, name, time) => {
  const { fields = {}, timestampMs } = decodeSyslog(line, {
    nowMs: Date.parse('2026-11-24T08:00:00Z'),
    offsetMinutes: 480,
  })
  expect(fields['host.name']).toBe(name)
  expect(new Date(timestampMs!).toISOString()).toBe(time)
  expect(fields['message']).toBe(line.slice(line.indexOf('%%')))
})
