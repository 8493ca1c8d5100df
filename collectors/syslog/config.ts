import { z } from 'zod'

const listen = z
  .string()
  .regex(/^$|^(\[[0-9a-fA-F:]+\]|[^:]+):\d{1,5}$/, 'write address:port, e.g. 0.0.0.0:5514, or nothing')

export const syslogConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether syslog is received'),
  udpListen: listen.default('127.0.0.1:5514').describe('Address and port for UDP (RFC 5426); empty: none'),
  tcpListen: listen.default('127.0.0.1:5514').describe('Address and port for TCP (RFC 6587); empty: none'),
  tlsListen: listen.default('127.0.0.1:6514').describe('Address and port for TLS (RFC 5425); needs a certificate'),
  certificateFile: z.string().default('').describe('PEM certificate chain for TLS; empty: TLS is not served'),
  keyFile: z.string().default('').describe('PEM private key'),
  clientCaFile: z.string().default('').describe('PEM certificates; senders must present one signed by these'),
  messageBytesMax: z
    .int()
    .min(1024)
    .max(65_536)
    .default(65_536)
    .describe('Longest message in bytes; a longer one is refused'),
  receiveBufferBytes: z
    .int()
    .min(4096)
    .default(8 * 1024 * 1024)
    .describe('Kernel buffer for UDP; the kernel may give less (net.core.rmem_max)'),
  batchEventsMax: z.int().min(1).max(10_000).default(1000).describe('Messages of one sender written together'),
  lingerMs: z.int().min(1).max(1000).default(20).describe('How long a batch waits for more'),
  queueEventsMax: z
    .int()
    .min(100)
    .default(100_000)
    .describe('Messages that wait for the disk: beyond it UDP is dropped and counted, TCP is no longer read'),
  connectionsMax: z.int().min(1).default(1000).describe('TCP and TLS connections'),
  connectionsPerPeerMax: z.int().min(1).default(200).describe('… of one address'),
  idleTimeoutMs: z.int().min(1000).default(3_600_000).describe('A connection that says nothing for so long is closed'),
  timeZoneOffsetMinutes: z
    .int()
    .min(-840)
    .max(840)
    .optional()
    .describe("Offset of senders that name no zone (480 for China); this machine's zone when absent"),
})
export type SyslogConfig = z.output<typeof syslogConfigSchema>
