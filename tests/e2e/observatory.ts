// A real observatory on free ports with a directory of its own.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import { configSchema } from '#server/config.ts'
import { createObservatory, type Observatory } from '#server/observatory.ts'

export interface Running extends Observatory {
  directory: string
  /** Address of a receiver as it describes itself, e.g. `udp`. */
  port(collector: string, kind: string): number
  /** An API token with every scope. */
  token: string
  get<T>(path: string): Promise<T>
  dispose(): Promise<void>
}

export async function startObservatory(
  part: Record<string, unknown> = {},
  clock: Clock = systemClock,
): Promise<Running> {
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-e2e-'))
  const { collectors, http, ...rest } = part as Record<string, object | undefined>
  const config = configSchema.parse({
    data: join(directory, 'data'),
    http: { listen: '127.0.0.1:0', ...http },
    logLevel: 'error',
    ...rest,
    collectors: {
      syslog: { udpListen: '127.0.0.1:0', tcpListen: '127.0.0.1:0' },
      otlp: { httpListen: '127.0.0.1:0', grpcListen: '127.0.0.1:0' },
      file: { sources: [] },
      journald: { enabled: false },
      host: { intervalMs: 1000 },
      ...collectors,
    },
  })
  const observatory = createObservatory(config, {
    clock,
    random: systemRandom,
    logger: silentLogger,
    version: 'test',
  })
  await observatory.start()
  const { people, collectors: running } = observatory.parts
  const actor = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
  const { secret } = await people.addToken(actor, {
    name: 'test',
    role: 'admin',
    scopes: ['read', 'write', 'ingest'],
    expiresMs: null,
  })
  return Object.defineProperties({} as Running, {
    ...Object.getOwnPropertyDescriptors(observatory),
    directory: { value: directory },
    token: { value: secret },
    port: {
      value: (name: string, kind: string) =>
        Number(
          running
            .find((one) => one.name === name)
            ?.describe()
            .find((one) => one.startsWith(kind))
            ?.split(':')
            .at(-1),
        ),
    },
    get: {
      value: async (path: string) => {
        const response = await fetch(observatory.url + path, { headers: { authorization: `Bearer ${secret}` } })
        if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
        return response.json()
      },
    },
    dispose: {
      value: async () => {
        await observatory.stop()
        await rm(directory, { recursive: true, force: true })
      },
    },
  })
}
