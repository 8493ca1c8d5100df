// The contract's suite on Debian's VictoriaMetrics and Debian's Prometheus, each the real program; the embedded store runs
// the same in tsdb/store.test.ts. What an engine does not keep is named here and in docs/metrics-remote.md.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { endProcess } from '#tests/end-process.ts'
import { metricStoreConformance } from '../conformance.ts'
import type { MetricStore } from '../store.ts'
import { encodeForTest } from '../testing.ts'
import { RemoteMetrics, remoteDefaults } from './store.ts'

const baseMs = Math.floor(systemClock.nowMs() / 1000) * 1000 - 600_000

interface Engine {
  name: string
  program: string
  args(directory: string, port: number): string[]
  /** Makes what was written visible, where the program does that only once a second. */
  flush?: string
  exceptions: Record<string, string>
}

const elsewhere = {
  'keeps an identical repeat once, refuses another value at the same time, and keeps a late sample in its place':
    'what a request loses is not told by sample',
  'refuses what is too old or too far ahead, by reason, and keeps the rest of the request':
    'the engine has bounds of its own',
  'keeps stale markers apart from NaN': 'raw samples come without stale markers',
  'keeps native histograms, and tells them from floats of the same series':
    'the API shows the borders of buckets, not the schema: whole queries are forwarded',
  'deletes by matchers and range; what is written afterwards stays': 'refused: the engine has its own way',
}

const engines: Engine[] = [
  {
    name: 'victoria-metrics',
    program: '/usr/bin/victoria-metrics',
    args: (directory, port) => [`-storageDataPath=${directory}/data`, `-httpListenAddr=127.0.0.1:${port}`],
    flush: '/internal/force_flush',
    exceptions: {
      ...elsewhere,
      'answers queries over native histograms': 'Debian’s version has none',
      'keeps exemplars of the series that are asked for': 'it keeps none',
    },
  },
  {
    name: 'prometheus',
    program: '/usr/bin/prometheus',
    args: (directory, port) => [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...['--web.enable-remote-write-receiver', '--enable-feature=native-histograms,exemplar-storage'],
    ],
    exceptions: elsewhere,
  },
]

for (const { name, program, args, flush, exceptions } of engines)
  describe.skipIf(!existsSync(program))(`${name}, the real program`, () => {
    const begin = async () => {
      const directory = await mkdtemp(join(tmpdir(), 'guanlan-remote-'))
      await writeFile(join(directory, 'prometheus.yml'), 'global: {}\n')
      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      const child: ChildProcess = spawn(program, args(directory, port), { stdio: 'ignore' })
      await ready(`${url}/api/v1/query?query=1`)
      const open = async (): Promise<RemoteMetrics> => {
        const fresh = new RemoteMetrics(
          { ...remoteDefaults, directory, writeUrl: `${url}/api/v1/write`, queryUrl: url, headers: {} },
          { logger: silentLogger },
        )
        await fresh.open()
        return fresh
      }
      let store: MetricStore = await open()
      return {
        store,
        ...(flush && { settle: async () => void (await fetch(`${url}${flush}`)) }),
        reopen: async () => {
          await store.close()
          store = await open()
          return store
        },
        cleanUp: async () => {
          await store.close()
          await endProcess(child, 'SIGKILL')
          await rm(directory, { recursive: true, force: true })
        },
      }
    }

    metricStoreConformance(name, begin, { baseMs, exceptions })

    it('answers whole queries, and says why one is wrong', async () => {
      const { store, settle, cleanUp } = await begin()
      const points = [0, 1, 2, 3].map((i): [number, number] => [baseMs + i * 15_000, i * 1.5])
      await store.append(
        encodeForTest([
          [{ __name__: 'm', job: 'api' }, points],
          [{ __name__: 'm', job: 'api2' }, [[baseMs, 2]]],
        ]),
        1,
      )
      await settle?.()
      const engine = store.queryEngine!
      expect(await engine.query('sum(m)', baseMs + 45_000)).toMatchObject({
        resultType: 'vector',
        result: [{ value: [expect.any(Number), '6.5'] }],
      })
      const range = { startMs: baseMs, endMs: baseMs + 45_000, stepMs: 15_000 }
      const { result } = (await engine.queryRange('m{job="api"}', range)) as {
        result: { values: [number, string][] }[]
      }
      expect(result[0]!.values.map(([, text]) => Number(text))).toEqual([0, 1.5, 3, 4.5])
      await expect(engine.query('sum(', baseMs)).rejects.toMatchObject({ code: 'query.failed' })
      await cleanUp()
    })
  })

describe('sending to a remote metric store', () => {
  let server: Server | undefined
  const directories: string[] = []
  afterEach(async () => {
    server?.closeAllConnections()
    server?.close()
    for (const one of directories.splice(0)) await rm(one, { recursive: true })
  })
  const request = encodeForTest([[{ __name__: 'm' }, [[baseMs, 1]]]])
  const storeFor = async (statuses: number[], seen: number[] = []): Promise<RemoteMetrics> => {
    server = createServer((incoming, response) => {
      incoming.resume().on('end', () => {
        const status = statuses.shift() ?? 204
        seen.push(status)
        response.writeHead(status).end()
      })
    })
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const directory = await mkdtemp(join(tmpdir(), 'guanlan-remote-'))
    directories.push(directory)
    const store = new RemoteMetrics(
      { ...remoteDefaults, retryMs: 10, directory, writeUrl: url, queryUrl: url, headers: {} },
      { logger: silentLogger },
    )
    await store.open()
    return store
  }

  it('tries again on 5xx and 429, and moves on once it is taken', async () => {
    const seen: number[] = []
    const store = await storeFor([503, 429, 500], seen)
    expect(await store.append(request, 3)).toEqual({ appended: 1, refused: {} })
    expect(seen).toEqual([503, 429, 500, 204])
    expect(await store.position()).toBe(3)
  })

  it('counts and drops what is refused for good', async () => {
    const store = await storeFor([400])
    expect(await store.append(request, 3)).toEqual({ appended: 0, refused: { 'remote-400': 1 } })
    expect(await store.position()).toBe(3)
  })

  it('gives up after a few tries, so that the log keeps the record and its consumer can stop', async () => {
    const seen: number[] = []
    const store = await storeFor([503, 503, 503, 503, 503], seen)
    await expect(store.append(request, 3)).rejects.toMatchObject({ code: 'store.unavailable' })
    expect(seen).toHaveLength(5)
    expect(await store.position()).toBe(0)
  })

  it('leaves a record in the log when it closes before the record is taken', async () => {
    const store = await storeFor(Array.from({ length: 1000 }, () => 503))
    const sending = store.append(request, 3)
    await sleep(30)
    await store.close()
    await expect(sending).rejects.toThrow()
    expect(await store.position()).toBe(0)
  })
})

async function freePort(): Promise<number> {
  const socket = createSocket()
  await new Promise<void>((resolve) => socket.listen(0, '127.0.0.1', resolve))
  const { port } = socket.address() as AddressInfo
  await new Promise((resolve) => socket.close(resolve))
  return port
}

async function ready(url: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return
    await sleep(100)
  }
  throw new Error(`${url} does not answer`)
}
