// Syslog over UDP, TCP and TLS.
import type { Collector, CollectorDeps, CollectorKind } from '#core/collector.ts'
import type { Health } from '#core/component.ts'
import { type Batches, createBatches } from './batches.ts'
import { type SyslogConfig, syslogConfigSchema } from './config.ts'
import { decodeSyslog } from './decode.ts'
import { listenTcp, type TcpReceiver } from './tcp.ts'
import { listenUdp, type UdpReceiver } from './udp.ts'

const receiver = 'syslog'
const countDropsEveryMs = 1000
const finishMsMax = 5000

export const syslogKind: CollectorKind<SyslogConfig> = {
  name: receiver,
  configSchema: syslogConfigSchema,
  create: (config, deps) => new SyslogCollector(config, deps),
}

export class SyslogCollector implements Collector {
  readonly name = receiver
  readonly #config: SyslogConfig
  readonly #deps: CollectorDeps
  #batches: Batches | undefined
  #udp: UdpReceiver | undefined
  #tcp: { label: string; receiver: TcpReceiver }[] = []
  #timer: NodeJS.Timeout | undefined
  #kernelDropsSeen = 0

  constructor(config: SyslogConfig, deps: CollectorDeps) {
    this.#config = config
    this.#deps = deps
  }

  async start(): Promise<void> {
    const config = this.#config
    if (!config.enabled || this.#batches) return
    const { batchEventsMax, lingerMs, queueEventsMax } = config
    this.#batches = createBatches({ receiver, batchEventsMax, lingerMs, queueEventsMax }, this.#deps)
    try {
      if (config.udpListen)
        this.#udp = await listenUdp(
          { ...place(config.udpListen), receiveBufferBytes: config.receiveBufferBytes },
          this.#takeDatagram,
        )
      if (config.tcpListen) await this.#listenTcp('tcp', 'collectors.syslog.tcpListen', config.tcpListen)
      if (config.tlsListen && config.certificateFile)
        await this.#listenTcp('tls', 'collectors.syslog.tlsListen', config.tlsListen)
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#timer = setInterval(this.#countKernelDrops, countDropsEveryMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#countKernelDrops()
    await this.#udp?.close()
    for (const { receiver: tcp } of this.#tcp) await tcp.close()
    await this.#batches?.close(finishMsMax)
    this.#udp = undefined
    this.#tcp = []
    this.#batches = undefined
  }

  health(): Health {
    if (this.#kernelDropsSeen === 0) return { state: 'ok', detail: '' }
    const detail = `The kernel dropped ${this.#kernelDropsSeen} datagrams in the last second: its buffer has ${this.#udp?.bufferBytes ?? 0} bytes. Raise net.core.rmem_max, or let the sender use TCP.`
    return { state: 'degraded', detail }
  }

  describe(): string[] {
    const udp = this.#udp ? [`udp ${place(this.#config.udpListen).host}:${this.#udp.port}`] : []
    return [...udp, ...this.#tcp.map(({ label, receiver: { port } }) => `${label}:${port}`)]
  }

  async #listenTcp(label: 'tcp' | 'tls', setting: string, listen: string): Promise<void> {
    const {
      messageBytesMax,
      connectionsMax,
      connectionsPerPeerMax,
      idleTimeoutMs,
      certificateFile,
      keyFile,
      clientCaFile,
    } = this.#config
    const made = await listenTcp(
      {
        ...{ ...place(listen), setting, messageBytesMax, connectionsMax, connectionsPerPeerMax, idleTimeoutMs },
        ...(label === 'tls' ? { tls: { certificateFile, keyFile, clientCaFile } } : {}),
      },
      { batches: this.#batches!, take: this.#takeMessage, refused: this.#refuse },
    )
    this.#tcp.push({ label: `${label} ${place(listen).host}`, receiver: made })
  }

  readonly #takeDatagram = (datagram: Buffer, peer: string): void => {
    const { counters } = this.#deps
    counters.received(1)
    if (datagram.length === 0) counters.dropped('empty', 1)
    else if (datagram.length > this.#config.messageBytesMax) counters.dropped('too-large', 1)
    else if (!this.#batches?.add(peer, this.#decode(datagram, peer))) counters.dropped('queue-full', 1)
  }

  readonly #takeMessage = (message: Buffer, peer: string): void => {
    const { counters } = this.#deps
    counters.received(1)
    if (message.length === 0) counters.dropped('empty', 1)
    // TCP is paused long before: this is one chunk's worth beyond the half.
    else if (!this.#batches?.add(peer, this.#decode(message, peer))) counters.dropped('queue-full', 1)
  }

  readonly #refuse = (reason: string): void => {
    this.#deps.counters.received(1)
    this.#deps.counters.rejected(reason, 1)
  }

  #decode(message: Buffer, peer: string) {
    // What is not UTF-8 becomes U+FFFD; the original bytes of such a line are not kept.
    const event = decodeSyslog(message.toString('utf8'), {
      nowMs: this.#deps.clock.nowMs(),
      offsetMinutes: this.#config.timeZoneOffsetMinutes,
    })
    event.fields!['log.source.address'] = peer
    if (event.fields!['host.name'] === undefined) event.fields!['host.name'] = peer
    return event
  }

  readonly #countKernelDrops = (): void => {
    const drops = this.#udp?.takeKernelDrops() ?? 0
    this.#kernelDropsSeen = drops
    if (drops === 0) return
    this.#deps.counters.received(drops)
    this.#deps.counters.dropped('kernel', drops)
  }
}

function place(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':')
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) }
}
