import { readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { CodedError } from '#core/errors.ts'
import type { Batches } from './batches.ts'
import { createFramer, FrameError } from './framing.ts'

export interface TcpConfig {
  host: string
  port: number
  setting: string
  messageBytesMax: number
  connectionsMax: number
  connectionsPerPeerMax: number
  idleTimeoutMs: number
  tls?: { certificateFile: string; keyFile: string; clientCaFile: string }
}

export interface TcpDeps {
  batches: Batches
  take(message: Buffer, peer: string): void
  refused(reason: string): void
}

export interface TcpReceiver {
  readonly port: number
  /** Ends the listener and reads no more from anyone. */
  close(): Promise<void>
}

export async function listenTcp(config: TcpConfig, deps: TcpDeps): Promise<TcpReceiver> {
  const perPeer = new Map<string, number>()
  const sockets = new Set<Socket>()

  const accept = (socket: Socket): void => {
    const peer = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const open = perPeer.get(peer) ?? 0
    if (sockets.size >= config.connectionsMax || open >= config.connectionsPerPeerMax) {
      deps.refused('connections')
      socket.destroy()
      return
    }
    sockets.add(socket)
    perPeer.set(peer, open + 1)
    socket.once('close', () => {
      sockets.delete(socket)
      const left = (perPeer.get(peer) ?? 1) - 1
      if (left > 0) perPeer.set(peer, left)
      else perPeer.delete(peer)
    })
    // Half-open connections end too: the other side may be gone without a word.
    socket.setTimeout(config.idleTimeoutMs, () => socket.destroy())
    socket.setKeepAlive(true, 60_000)
    socket.on('error', () => {})
    follow(socket, peer)
  }

  const follow = (socket: Socket, peer: string): void => {
    const framer = createFramer(config.messageBytesMax, () => deps.refused('too-large'))
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of framer.push(chunk)) deps.take(message, peer)
      } catch (error) {
        deps.refused(error instanceof FrameError ? error.reason : 'framing')
        socket.destroy()
        return
      }
      if (!deps.batches.isCrowded) return
      // The sender waits in its own queue, which is where the messages are safe.
      socket.pause()
      void deps.batches.room().then(() => socket.resume())
    })
    socket.on('end', () => {
      const rest = framer.rest()
      if (rest) deps.take(rest, peer)
    })
  }

  const server: Server = config.tls
    ? createTlsServer(
        {
          cert: readFileSync(config.tls.certificateFile),
          key: readFileSync(config.tls.keyFile),
          minVersion: 'TLSv1.2',
          ...(config.tls.clientCaFile
            ? { ca: readFileSync(config.tls.clientCaFile), requestCert: true, rejectUnauthorized: true }
            : {}),
        },
        accept,
      ).on('tlsClientError', () => deps.refused('tls'))
    : createServer(accept)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new CodedError('listen.failed', {
          address: `tcp ${config.host}:${config.port}`,
          cause: error.message,
          setting: config.setting,
        }),
      ),
    )
    server.listen(config.port, config.host, resolve)
  })
  return {
    port: (server.address() as { port: number }).port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
