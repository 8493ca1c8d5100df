import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { CodedError } from '#core/errors.ts'
import { readKernelDrops } from './kernel-drops.ts'

export interface UdpConfig {
  host: string
  port: number
  receiveBufferBytes: number
}

export interface UdpReceiver {
  readonly port: number
  /** What the kernel gave; it counts its own bookkeeping in. */
  readonly bufferBytes: number
  /** Drops that the kernel counted since the last call. */
  takeKernelDrops(): number
  /** Takes no more; what is in the socket's buffer is lost with it and counted by the last drops as far as possible. */
  close(): Promise<void>
}

export async function listenUdp(
  config: UdpConfig,
  take: (datagram: Buffer, peer: string) => void,
): Promise<UdpReceiver> {
  const family = isIPv6(config.host) ? 'udp6' : 'udp4'
  const socket: Socket = createSocket({ type: family, recvBufferSize: config.receiveBufferBytes })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) =>
      reject(
        new CodedError('listen.failed', {
          address: `udp ${config.host}:${config.port}`,
          cause: error.message,
          setting: 'collectors.syslog.udpListen',
        }),
      ),
    )
    socket.bind(config.port, config.host, resolve)
  })
  // An ICMP answer to something sent is no reason to stop receiving.
  socket.on('error', () => {})
  socket.on('message', (datagram, { address }) => take(datagram, address))
  const { port } = socket.address()
  let seen = 0
  return {
    port,
    bufferBytes: socket.getRecvBufferSize(),
    takeKernelDrops: () => {
      const drops = readKernelDrops(port, family) ?? seen
      const fresh = drops - seen
      seen = drops
      return Math.max(0, fresh)
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}
