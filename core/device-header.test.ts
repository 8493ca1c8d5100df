import { describe, expect, it } from 'vitest'
import { readDeviceHeader } from './device-header.ts'

const nowMs = Date.parse('2026-11-24T08:00:00Z')
const mark = '%%01SHELL/5/CMDRECORD(l):Recorded'

/** The wall clock, the zone and the name. */
function read(head: string, message = mark): [string | undefined, number | undefined, string] | undefined {
  const text = `${head}${message}`
  const header = readDeviceHeader(text, 0, nowMs)
  if (!header) return undefined
  expect(text.slice(header.messageAt)).toBe(message)
  const { wallMs, offsetMinutes, host } = header
  return [wallMs === undefined ? undefined : new Date(wallMs).toISOString(), offsetMinutes, host]
}

describe('the header of a network device', () => {
  const at = '2026-11-23T07:59:59.000Z'
  it.each([
    ['2026-11-23 07:59:59 usg-1 ', at, undefined, 'usg-1'],
    ['2026-11-23 07:59:59: ', at, undefined, ''],
    ['<189>2026-11-23 07:59:59 ', at, undefined, ''],
    ['2026/11/23 7:59:59 usg-1: ', at, undefined, 'usg-1'],
    ['<188>Nov 23 2026 07:59:59 usg-1 ', at, undefined, 'usg-1'],
    ['<189> Nov 23 07:59:59 2026 sw-1&2 ', at, undefined, 'sw-1&2'],
    ['2026 Nov 23 07:59:59 usg-1 ', at, undefined, 'usg-1'],
    ['Nov 23 07:59:59 usg-1 ', at, undefined, 'usg-1'],
    ['Dec 31 07:59:59 usg-1 ', '2025-12-31T07:59:59.000Z', undefined, 'usg-1'],
    ['%Nov 23 07:59:59:123 2026 政务网-核心 ', '2026-11-23T07:59:59.123Z', undefined, '政务网-核心'],
    ['Nov 23 2026 07:59:59+08:00 DST usg-1 ', at, 480, 'usg-1'],
    ['2026-11-23T07:59:59Z usg-1 ', at, 0, 'usg-1'],
    ['2026-11-23T07:59:59.000Z 192.0.2.12 fw-1 ', at, 0, 'fw-1'],
    ['Nov 24 11:56:41 192.0.2.1 2026-11-23 07:59:59 fw-1 ', at, undefined, 'fw-1'],
    ['2026-11-23 07:59:59 HUAWEI 192.0.2.58 23 5 ', at, undefined, 'HUAWEI'],
    ['2026-11-23 07:59:59 192.0.2.58 ', at, undefined, '192.0.2.58'],
    ['', undefined, undefined, ''],
    ['<189>', undefined, undefined, ''],
    ['<189>usg-1 ', undefined, undefined, 'usg-1'],
    ['2026-13-23 07:59:59 usg-1 ', undefined, undefined, 'usg-1'],
  ])('%j is read', (head, time, zone, host) => {
    expect(read(head)?.slice(0, 2)).toEqual([time, zone])
    if (!head.startsWith('2026-13')) expect(read(head)?.[2]).toBe(host)
  })

  it('without the mark needs a time, one name, and a module with its level', () => {
    expect(read('<188>Nov 23 2026 13:53:05 usg-1 ', 'IPSTRAP/4/THREATTRAP:OID 1.3.6')?.[2]).toBe('usg-1')
    expect(read('%Nov 23 07:59:59:123 2026 sw-1 ', 'SHELL/4/LOGIN: admin')?.[2]).toBe('sw-1')
    for (const line of [
      '2026-11-24 08:00:00 INFO main: GET/5/NOW: x',
      'Nov 24 08:00:00 web-1 app: GET/5/NOW: x',
      'SHELL/4/LOGIN: admin login',
      'Nov 24 08:00:00 web-1 sshd[7]: Failed password',
      '100%% sure',
      'Nov 24 08:00:00 web-1 app[7]: format %%s is wrong, 1/2/3',
      '192.0.2.1 - - [24/Nov/2026:08:00:00 +0800] "GET /a/5/b?x= %%20y HTTP/1.1" 200 1',
      '',
    ])
      expect(readDeviceHeader(line, 0, nowMs), line).toBeUndefined()
  })
})
