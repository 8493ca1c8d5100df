import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import { seededRandom } from '#core/random.ts'
import { joinAuditRecords } from '../enrich/audit-records.ts'
import { Inventory } from '../enrich/inventory.ts'
import { createIds } from '../normalise/event-id.ts'
import { createNormalise } from '../normalise/normalise.ts'
import { readAuditRecord } from './audit-record.ts'
import { ParserSet } from './parser-set.ts'

const stamp = 'msg=audit(1795507199.243:24287):'

test('a value that a process chose comes back as the process wrote it, quoted or in digits', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (text) => {
      const plain = text.replace(/[^\x21-\x7e]|["'=?]/g, '')
      fc.pre(plain !== '' && !plain.startsWith('('))
      expect(readAuditRecord(`type=CWD ${stamp} cwd="${plain}"`)?.data.get('cwd')).toBe(plain)
      const digits = Buffer.from(text).toString('hex').toUpperCase()
      expect(readAuditRecord(`type=CWD ${stamp} cwd=${digits} x=1`)?.data.get('cwd') ?? '').toBe(
        Buffer.from(text).toString().replaceAll('\0', ' ').trimEnd(),
      )
    }),
  )
})

test('numbers of the system that look like digits of a text stay what they are', () => {
  const record = readAuditRecord(`type=SYSCALL ${stamp} arch=c000003e a0=41414141 a1=7FFE pid=1234 comm="41424344"`)!
  expect(Object.fromEntries(record.data)).toEqual({
    arch: 'c000003e',
    a0: '41414141',
    a1: '7FFE',
    pid: '1234',
    comm: '41424344',
  })
})

test('long arguments come in parts, and what auditd translated follows a separator', () => {
  const execve = readAuditRecord(`type=EXECVE ${stamp} argc=2 a0="sh" a1_len=6 a1[0]=616263 a1[1]=646566`)!
  expect(execve.args).toEqual(['sh', 'abcdef'])
  const enriched = readAuditRecord(`type=SYSCALL ${stamp} uid=0 key=(null)\x1dARCH=x86_64 SYSCALL=execve UID="root"`)!
  expect(enriched.data.get('UID')).toBe('root')
  expect(enriched.data.has('key')).toBe(false)
})

test('whatever the line is, it is read or refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(200), (text, at) => {
      readAuditRecord(text)
      readAuditRecord(`type=EXECVE ${stamp} ${text}`)
      readAuditRecord(`type=USER_LOGIN ${stamp} msg='op=login acct="root" res=failed'`.slice(0, at))
    }),
  )
  expect(readAuditRecord('type=X msg=audit(1:2): a=1')).toBeUndefined()
})

test('records of one action in one batch tell each other what they know; those of another action do not', () => {
  const parsers = new ParserSet('rules/parsers')
  parsers.reload()
  const nowMs = 1795507200000
  const normalise = createNormalise({
    clock: new ManualClock(nowMs),
    parsers,
    inventory: new Inventory(),
    nextId: createIds(seededRandom(1)),
    timestampLimits: { pastMsMax: 1e12, futureMsMax: 1e12 },
    adjusted: () => {},
  })
  const events: Event[] = [
    `type=SYSCALL ${stamp} syscall=59 success=yes ppid=9 pid=10 auid=1000 uid=0 comm="cat" exe="/bin/cat" key="shadow"`,
    `type=EXECVE ${stamp} argc=2 a0="cat" a1="/etc/shadow"`,
    `type=CWD ${stamp} cwd="/root"`,
    `type=PATH ${stamp} item=0 name="/bin/cat" nametype=NORMAL`,
    `type=PATH ${stamp} item=1 name="/etc/shadow" nametype=NORMAL`,
    'type=EXECVE msg=audit(1795507199.243:24288): argc=1 a0="ls"',
    'Nov 24 07:59:59 web-1 sshd[1]: Connection closed by 203.0.113.9 port 1',
  ].map((original) => normalise({ original }, { receiver: 't', source: 't' }, nowMs).event)
  joinAuditRecords(events)
  expect(events[1]).toMatchObject({
    'process.executable': '/bin/cat',
    'process.command_line': 'cat /etc/shadow',
    'process.working_directory': '/root',
    'user.audit.id': '1000',
    'auditd.paths': ['/bin/cat', '/etc/shadow'],
    'event.outcome': 'success',
  })
  expect(events[4]).toMatchObject({ 'file.path': '/etc/shadow', 'process.command_line': 'cat /etc/shadow' })
  expect(events[5]!['process.executable']).toBeUndefined()
  expect(events[6]!['process.command_line']).toBeUndefined()
})
