// CEF over syslog to a SIEM. Syslog acknowledges nothing: over TCP and TLS a notification counts as delivered when the
// server has taken the end of the stream, over UDP when it was sent.
import { createSocket, type SocketOptions } from 'node:dgram'
import { isIP, isIPv6, type Socket, connect as tcpConnect } from 'node:net'
import { hostname } from 'node:os'
import { connect as tlsConnect } from 'node:tls'
import type { Clock } from '#core/clock.ts'
import { AddressRefused, checkLiteral, guardedLookup } from '../address-guard.ts'
import type { CefConfig } from '../config.ts'
import { type Delivery, type Notification, type Notifier, pageOf } from '../notification.ts'
import { trusted } from '../trusted.ts'
import { writeCef } from './format.ts'
import { cutBytes, frame, writeSyslog } from './syslog.ts'

/** RFC 5426 asks receivers for 2,048 bytes at least; rsyslog's default for streams is 8 KiB. */
const bytesMax = { udp: 2048, tcp: 8000, tls: 8000 } as const
/** A server that leaves its half open is waited for so long. */
const closeMsMax = 2000

export function createCef(config: CefConfig, clock: Clock): Notifier {
  const hostName = config.hostName || hostname()
  return {
    notify: async (notification, signal) => {
      try {
        if (!config.allowPrivate) checkLiteral(config.host)
        const messages = messagesOf(notification, config, hostName, clock.nowMs())
        await (config.transport === 'udp' ? sendUdp(config, messages) : sendStream(config, messages, signal))
        return { ok: true }
      } catch (error) {
        return failure(error as Error, signal)
      }
    },
    close: () => {},
  }
}

function messagesOf(notification: Notification, config: CefConfig, hostName: string, nowMs: number): Buffer[] {
  return notification.alerts.map((alert) => {
    const text = writeCef(alert, { version: '1', url: pageOf(notification, alert) })
    const header = {
      facility: config.facility,
      severity: alert.severity,
      atMs: nowMs,
      hostName,
      messageId: alert.state,
    }
    return cutBytes(writeSyslog(header, text), bytesMax[config.transport])
  })
}

function failure(error: Error, signal: AbortSignal): Delivery {
  if (signal.aborted) return { ok: false, retry: true, error: 'no answer in time', reason: 'timeout' }
  const isRefused = error instanceof AddressRefused
  return { ok: false, retry: !isRefused, error: error.message, reason: isRefused ? 'refusedAddress' : 'other' }
}

function sendUdp({ host, port, allowPrivate }: CefConfig, messages: readonly Buffer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const type = isIPv6(host) ? 'udp6' : 'udp4'
    const socket = createSocket({ type, ...(allowPrivate || isIP(host) ? {} : { lookup: guardedLookup4 }) })
    let left = messages.length
    const end = (error?: Error | null): void => {
      left--
      if (!error && left > 0) return
      socket.close()
      if (error) reject(error)
      else resolve()
    }
    socket.on('error', reject)
    for (const message of messages) socket.send(message, port, host, end)
  })
}

/** A datagram socket asks for one address of its own family. */
const guardedLookup4: NonNullable<SocketOptions['lookup']> = (name, _options, callback) =>
  guardedLookup(name, { family: 4 }, (error, address, family) => callback(error, String(address), family ?? 4))

function sendStream(config: CefConfig, messages: readonly Buffer[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = open(config)
    const abort = (): void => void socket.destroy(new Error('no answer in time'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    let timer: NodeJS.Timeout | undefined
    let finished = false
    socket.on(config.transport === 'tls' ? 'secureConnect' : 'connect', () => {
      for (const message of messages) socket.write(frame(message, config.framing))
      socket.end(() => {
        finished = true
        timer = setTimeout(() => socket.destroy(), closeMsMax)
      })
    })
    socket.on('data', () => {})
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      // Settled already when there was an error.
      if (finished) resolve()
      else reject(new Error('the connection was closed before everything was sent'))
    })
  })
}

function open({ transport, host, port, allowPrivate, caFile, tlsVerify }: CefConfig): Socket {
  const options = { host, port, ...(allowPrivate ? {} : { lookup: guardedLookup }) }
  if (transport === 'tcp') return tcpConnect(options)
  return tlsConnect({
    ...options,
    rejectUnauthorized: tlsVerify,
    ...(isIP(host) ? {} : { servername: host }),
    ...trusted(caFile),
  })
}
