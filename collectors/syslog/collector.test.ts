import { execFile, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CodedError } from '#core/errors.ts'
import { endProcess } from '#tests/end-process.ts'
import { createRecorder, type Recorder, until } from '../recorder.ts'
import { SyslogCollector } from './collector.ts'
import { syslogConfigSchema } from './config.ts'

const run = promisify(execFile)
let recorder: Recorder
let collector: SyslogCollector
let directory: string

beforeEach(async () => {
  recorder = createRecorder()
  directory = await mkdtemp(join(tmpdir(), 'guanlan-syslog-'))
})
afterEach(async () => {
  await collector.stop()
  await rm(directory, { recursive: true })
})

const start = async (config: object = {}): Promise<Record<'udp' | 'tcp' | 'tls', number>> => {
  const parsed = syslogConfigSchema.parse({
    udpListen: '127.0.0.1:0',
    tcpListen: '127.0.0.1:0',
    tlsListen: '127.0.0.1:0',
    ...config,
  })
  collector = new SyslogCollector(parsed, recorder.deps)
  await collector.start()
  const port = (name: string): number =>
    Number(
      collector
        .describe()
        .find((one) => one.startsWith(name))
        ?.split(':')
        .at(-1),
    )
  return { udp: port('udp'), tcp: port('tcp'), tls: port('tls') }
}
const messages = (): unknown[] => recorder.events.map(({ fields }) => fields?.['message'])
const open = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('connect', resolve))
  return socket
}
const balanced = (): boolean => {
  const { received, accepted, rejected, dropped } = recorder.counts
  const sum = (reasons: Record<string, number>): number => Object.values(reasons).reduce((a, b) => a + b, 0)
  return received === accepted + sum(rejected) + sum(dropped)
}

test.skipIf(!existsSync('/usr/bin/logger'))(
  'takes what logger sends over UDP and TCP (needs util-linux logger)',
  async () => {
    const { udp, tcp } = await start()
    await run('logger', ['-n', '127.0.0.1', '-P', String(udp), '-d', '-t', 'demo', 'hello by udp'])
    await run('logger', ['-n', '127.0.0.1', '-P', String(tcp), '-T', '--octet-count', '-t', 'demo', 'hello by tcp'])
    await run('logger', ['-n', '127.0.0.1', '-P', String(tcp), '-T', '--rfc3164', '-t', 'demo', 'hello by line'])
    await until(() => recorder.events.length === 3, 'three messages')
    expect(messages().sort()).toEqual(['hello by line', 'hello by tcp', 'hello by udp'])
    expect(recorder.events.every(({ fields }) => fields?.['process.name'] === 'demo')).toBe(true)
  },
)

test.skipIf(!existsSync('/usr/sbin/rsyslogd'))(
  'takes what rsyslog forwards, octet counted and over UDP (needs rsyslog)',
  async () => {
    const { udp, tcp } = await start()
    const input = join(directory, 'in.log')
    await writeFile(input, '')
    await writeFile(
      join(directory, 'rsyslog.conf'),
      `module(load="imfile")
input(type="imfile" File="${input}" Tag="app:")
action(type="omfwd" target="127.0.0.1" port="${tcp}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
action(type="omfwd" target="127.0.0.1" port="${udp}" protocol="udp")
global(workDirectory="${directory}")
`,
    )
    const daemon = spawn(
      '/usr/sbin/rsyslogd',
      ['-n', '-f', join(directory, 'rsyslog.conf'), '-i', join(directory, 'pid')],
      { stdio: 'ignore' },
    )
    try {
      await until(() => existsSync(join(directory, 'pid')), 'rsyslog')
      await writeFile(input, Array.from({ length: 200 }, (_, i) => `line ${i} 政务\n`).join(''))
      await until(() => recorder.events.length === 400, 'all lines twice')
      expect(new Set(messages())).toEqual(new Set(Array.from({ length: 200 }, (_, i) => `line ${i} 政务`)))
    } finally {
      await endProcess(daemon)
    }
  },
)

test('both framings on one connection, cut at any byte', async () => {
  const { tcp } = await start()
  const socket = await open(tcp)
  const bytes = Buffer.from('<13>a: one\n15 <13>b: two\nmore\0<13>c: 三\n9 <13>d: x\n<13>e: last')
  for (const byte of bytes) {
    socket.write(Buffer.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  socket.end()
  await until(() => recorder.events.length === 5, 'five messages')
  expect(recorder.events.map(({ original }) => original)).toEqual([
    '<13>a: one',
    '<13>b: two\nmore',
    '<13>c: 三',
    '<13>d: x',
    '<13>e: last',
  ])
})

test('a frame that claims a gigabyte ends its connection and harms nobody else', async () => {
  const { tcp } = await start()
  const [good, bad] = [await open(tcp), await open(tcp)]
  const closed = new Promise((resolve) => bad.once('close', resolve))
  bad.write('1073741824 <13>x')
  await closed
  good.write('<13>fine\n')
  await until(() => recorder.events.length === 1, 'the other message')
  expect(recorder.counts.rejected).toEqual({ 'too-large': 1 })
  good.destroy()
  expect(balanced()).toBe(true)
})

test('a line over the limit is left out, the next one is taken', async () => {
  const { tcp } = await start({ messageBytesMax: 1024 })
  const socket = await open(tcp)
  socket.write(`<13>${'x'.repeat(5000)}`)
  socket.write(`${'y'.repeat(5000)}\n<13>next\n`)
  await until(() => recorder.events.length === 1, 'the next line')
  expect(recorder.counts.rejected).toEqual({ 'too-large': 1 })
  socket.destroy()
})

test('idle connections are closed, and a peer has only so many', async () => {
  const { tcp } = await start({ idleTimeoutMs: 1000, connectionsPerPeerMax: 2 })
  const sockets = [await open(tcp), await open(tcp)]
  const third = await open(tcp)
  await new Promise((resolve) => third.once('close', resolve))
  expect(recorder.counts.rejected).toEqual({ connections: 1 })
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
})

test('while the log is full TCP waits and loses nothing', async () => {
  const { tcp } = await start({ queueEventsMax: 200, batchEventsMax: 50 })
  let full = true
  recorder.before = () => {
    if (full) throw new CodedError('log.full', { path: '/data' }, { retryAfterSeconds: 0 })
  }
  const socket = await open(tcp)
  for (let i = 0; i < 5000; i++) socket.write(`<13>a: ${i} ${'x'.repeat(1000)}\n`)
  socket.end()
  await until(() => recorder.counts.received >= 100, 'the queue to fill')
  full = false
  await until(() => recorder.counts.accepted === 5000, 'everything')
  expect(recorder.counts.dropped).toEqual({})
})

test('UDP is counted to the datagram, what the kernel dropped included', async () => {
  const { udp } = await start({ receiveBufferBytes: 4096, queueEventsMax: 100, lingerMs: 50 })
  recorder.before = () => new Promise((resolve) => setTimeout(resolve, 20))
  const sender = createSocket('udp4')
  const total = 20_000
  const payload = Buffer.from(`<13>flood: ${'x'.repeat(400)}`)
  let sent = 0
  await new Promise<void>((resolve) => {
    const burst = (): void => {
      let left = 200
      const done = (): void => {
        sent++
        if (sent === total) resolve()
        else if (--left === 0) burst()
      }
      for (let i = 0; i < 200; i++) sender.send(payload, udp, '127.0.0.1', done)
    }
    burst()
  })
  sender.close()
  await until(() => recorder.counts.received === total, 'all datagrams counted')
  await until(balanced, 'all accounted for')
  expect(recorder.counts.dropped['kernel'] ?? 0).toBeGreaterThan(0)
  expect(recorder.events.length).toBe(recorder.counts.accepted)
})

test('empty datagrams, NUL bytes and invalid UTF-8 are taken or counted', async () => {
  const { udp } = await start()
  const sender = createSocket('udp4')
  for (const bytes of [Buffer.alloc(0), Buffer.from([0x3c, 0x31, 0x33, 0x3e, 0xff, 0xfe, 0x00, 0x41])])
    sender.send(bytes, udp, '127.0.0.1')
  await until(() => recorder.counts.received === 2, 'both')
  await until(balanced, 'accounted for')
  sender.close()
  expect(messages()).toEqual(['\uFFFD\uFFFD\0A'])
  expect(recorder.counts.dropped).toEqual({ empty: 1 })
})

test('TLS with a certificate, and only for senders with one of theirs when asked', async () => {
  const certificate = async (name: string): Promise<{ cert: string; key: string }> => {
    const [key, cert] = [join(directory, `${name}.key`), join(directory, `${name}.pem`)]
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '1',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      key,
      '-out',
      cert,
    ])
    return { cert, key }
  }
  const [own, sender] = [await certificate('localhost'), await certificate('sender')]
  const { tls } = await start({ certificateFile: own.cert, keyFile: own.key, clientCaFile: sender.cert })
  const { readFileSync } = await import('node:fs')
  const stranger = connectTls({ port: tls, host: '127.0.0.1', rejectUnauthorized: false })
  stranger.on('error', () => {})
  await new Promise((resolve) => stranger.once('close', resolve))
  expect(recorder.counts.rejected).toEqual({ tls: 1 })
  const socket = connectTls({
    port: tls,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    cert: readFileSync(sender.cert),
    key: readFileSync(sender.key),
  })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  socket.write('<13>secret\n')
  await until(() => recorder.events.length === 1, 'the message')
  socket.destroy()
})
