import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { endProcess } from '#tests/end-process.ts'
import { finding } from '../../testing.ts'
import { receiverSchema } from '../config.ts'
import type { Delivery, NotifiedAlert } from '../notification.ts'
import { createNotifier } from '../notifiers.ts'
import { escapeHeader, escapeValue, writeCef } from './format.ts'
import { cutBytes, frame } from './syslog.ts'

const { evidence } = finding()
const alert = (part: Partial<NotifiedAlert> = {}): NotifiedAlert => ({
  ...{
    id: 'a1',
    fingerprint: 'f',
    episode: 1,
    rule: 'sigma/db|export',
    title: 'Export a|b \\ c',
    description: 'k=v\nnext 数据',
  },
  ...{
    severity: 'critical',
    state: 'firing',
    labels: { 'source.ip': '203.0.113.9', 'host.name': 'gz-1' },
    annotations: {},
  },
  ...{ entities: [], startedMs: 1_795_600_000_000, firedMs: 1_795_600_000_000, resolvedMs: null },
  ...{ lastSeenMs: 1_795_600_000_500, findingCount: 3, value: 12, threshold: 10, acknowledged: null, evidence },
  ...part,
})

/** Reads CEF back by the guide, with code of its own. */
function readCef(text: string): { header: string[]; extension: Record<string, string> } {
  const header: string[] = []
  let field = ''
  let at = 0
  for (; header.length < 7; at++) {
    if (text[at] === '\\') field += text[++at]
    else if (text[at] === '|') {
      header.push(field)
      field = ''
    } else field += text[at]
    if (at > text.length) throw new Error('no header')
  }
  const extension: Record<string, string> = {}
  const starts = [...text.slice(at).matchAll(/(?:^| )(\w+)=/g)]
  starts.forEach((start, i) => {
    const from = at + start.index + start[0].length
    const to = at + (starts[i + 1]?.index ?? text.length)
    extension[start[1]!] = text.slice(from, to).replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
  })
  return { header, extension }
}

test('an alert is read back from its CEF as it was', () => {
  const { header, extension } = readCef(writeCef(alert(), { version: '1', url: 'https://ops.example/alerts/a1?x=1' }))
  expect(header).toEqual(['CEF:0', 'Guanlan', 'Guanlan', '1', 'sigma/db|export', 'Export a|b \\ c', '10'])
  expect(extension).toMatchObject({
    ...{ src: '203.0.113.9', dvchost: 'gz-1', act: 'firing', cnt: '3', msg: 'k=v\nnext 数据', cat: 'sigma' },
    ...{ cs4Label: 'page', cs4: 'https://ops.example/alerts/a1?x=1', cfp1Label: 'value', cfp1: '12' },
  })
})

test('any text survives escaping, but for control characters', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 }).map((value) => value.replace(/\p{Cc}/gu, '').trim())
  fc.assert(
    fc.property(
      text,
      text,
      text.filter((value) => !/ \w+=/.test(` ${value}`)),
      (rule, title, description) => {
        const made = writeCef(alert({ rule, title, description }), { version: '1', url: '' })
        expect(made).not.toMatch(/\n/)
        const { header, extension } = readCef(made)
        expect(header[4]).toBe(rule)
        expect(header[5]).toBe(title)
        expect(extension['msg'] ?? '').toBe(description)
      },
    ),
  )
  expect(escapeValue('a=b\\c|d\r\ne')).toBe('a\\=b\\\\c|d\\ne')
  expect(escapeHeader('a=b\\c|d\r\ne')).toBe('a=b\\\\c\\|d e')
})

test('a message is cut between characters, and octets are what is counted', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 40 }), (text, bytesMax) => {
      const cut = cutBytes(text, bytesMax)
      expect(cut.length).toBeLessThanOrEqual(bytesMax)
      expect(text.startsWith(cut.toString('utf8'))).toBe(true)
    }),
  )
  expect(frame(Buffer.from('数据'), 'octet-counting').toString()).toBe('6 数据')
  expect(frame(Buffer.from('a\nb'), 'newline').toString()).toBe('a b\n')
})

const send = (config: object, count = 1): Promise<Delivery> => {
  const receiver = receiverSchema.parse({ kind: 'cef', name: 'siem', host: '127.0.0.1', allowPrivate: true, ...config })
  if (receiver.kind === 'heartbeat') throw new Error('not told')
  const alerts = Array.from({ length: count }, (_, i) => alert({ id: `a${i}` })) as [NotifiedAlert, ...NotifiedAlert[]]
  const notification = { id: 'n', event: 'firing', createdMs: 0, attempt: 1, publicUrl: '', alerts } as const
  return createNotifier(receiver, 'zh', systemClock).notify(notification, AbortSignal.timeout(10_000))
}

describe('to a syslog server', () => {
  let directory: string
  const ending: (() => unknown)[] = []
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-cef-'))
  })
  afterEach(async () => {
    for (const end of ending.splice(0)) await end()
    await rm(directory, { recursive: true, force: true })
  })
  const listen = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ending.push(() => server.close())
    return (server.address() as AddressInfo).port
  }

  test.skipIf(!existsSync('/usr/sbin/rsyslogd'))(
    'rsyslog takes every message over UDP, TCP with counted octets and TCP with lines (needs rsyslog)',
    async () => {
      const probe = createServer()
      const port = await listen(probe)
      await new Promise((resolve) => probe.close(resolve))
      const output = join(directory, 'out.jsonl')
      await writeFile(
        join(directory, 'rsyslog.conf'),
        `module(load="imudp")
module(load="imtcp")
input(type="imudp" address="127.0.0.1" port="${port}" ruleset="out")
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="out")
template(name="row" type="list" option.jsonf="on") {
  property(outname="msg" name="msg" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="pri" name="pri" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="version" name="protocol-version" format="jsonf")
  property(outname="at" name="timereported" dateFormat="rfc3339" format="jsonf")
}
ruleset(name="out") { action(type="omfile" file="${output}" template="row") }
global(workDirectory="${directory}" parser.escapeControlCharactersOnReceive="off")
`,
      )
      const daemon = spawn(
        '/usr/sbin/rsyslogd',
        ['-n', '-f', join(directory, 'rsyslog.conf'), '-i', join(directory, 'pid')],
        {
          stdio: 'ignore',
        },
      )
      ending.push(() => endProcess(daemon))
      await expect.poll(() => existsSync(join(directory, 'pid'))).toBe(true)
      const rows = async (): Promise<Record<string, string>[]> =>
        (await readFile(output, 'utf8').catch(() => ''))
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line.startsWith('{') ? line : `{${line}}`))
      const ways = [{ transport: 'udp' }, { transport: 'tcp' }, { transport: 'tcp', framing: 'newline' }]
      for (const [i, way] of ways.entries()) {
        expect(await send({ ...way, port, hostName: 'guanlan-1', facility: 13 }, 20)).toEqual({ ok: true })
        await expect.poll(async () => (await rows()).length).toBe(20 * (i + 1))
      }
      for (const row of await rows()) {
        // Facility 13, critical.
        expect(row).toMatchObject({ app: 'guanlan', pri: '106', host: 'guanlan-1', version: '1' })
        const { header, extension } = readCef(row['msg']!.trim())
        expect(header[5]).toBe('Export a|b \\ c')
        expect(extension['msg']).toBe('k=v\nnext 数据')
        expect(Math.abs(Date.now() - Date.parse(row['at']!))).toBeLessThan(60_000)
      }
    },
    30_000,
  )

  test('over TLS only a server with a certificate that is trusted hears anything', async () => {
    const [keyFile, caFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
    const names = ['-subj', '/CN=siem', '-addext', 'subjectAltName=IP:127.0.0.1']
    execFileSync('openssl', ['req', '-x509', ...curve, ...names, '-keyout', keyFile, '-out', caFile], {
      stdio: 'ignore',
    })
    let heard = ''
    const options = { key: await readFile(keyFile), cert: await readFile(caFile) }
    const server = createTlsServer(options, (socket) => {
      socket.on('data', (part) => {
        heard += part
      })
      socket.on('error', () => {})
    })
    server.on('tlsClientError', () => {})
    const port = await listen(server)
    expect(await send({ transport: 'tls', port })).toMatchObject({ ok: false, retry: true })
    expect(heard).toBe('')
    expect(await send({ transport: 'tls', port, caFile })).toEqual({ ok: true })
    expect(heard).toMatch(/^\d+ <106>1 .* guanlan - firing - CEF:0\|Guanlan\|/)
  })

  test('a server that refuses, or closes before the end, is a failure that is repeated', async () => {
    expect(await send({ port: 1 })).toMatchObject({ ok: false, retry: true })
    const rude = createServer((socket) => socket.destroy())
    const port = await listen(rude)
    expect(await send({ port, transport: 'tls' })).toMatchObject({ ok: false, retry: true })
  })

  test('loopback and private addresses are refused unless allowed, by name too', async () => {
    for (const host of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', 'localhost'])
      for (const transport of ['udp', 'tcp'])
        expect(await send({ host, transport, allowPrivate: false }), `${host} ${transport}`).toMatchObject({
          ...{ ok: false, retry: false, reason: 'refusedAddress' },
        })
  })
})
