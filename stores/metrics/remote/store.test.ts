// One run, the same answers: the embedded store, Debian's VictoriaMetrics and Debian's Prometheus, each the real program.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import type { Matcher, MetricStore } from '../store.ts'
import { encodeForTest } from '../testing.ts'
import { Tsdb, tsdbDefaults } from '../tsdb/store.ts'
import { RemoteMetrics, remoteDefaults } from './store.ts'

const baseMs = Math.floor(systemClock.nowMs() / 1000) * 1000 - 600_000
const eq = (name: string, value: string, op: Matcher['op'] = '='): Matcher => ({ name, op, value })

interface Engine {
  name: string
  program?: string
  args(directory: string, port: number): string[]
  /** Makes what was written visible, where the program does that only once a second. */
  flush?: string
}

const engines: Engine[] = [
  { name: 'the embedded store', args: () => [] },
  {
    name: 'victoria-metrics',
    program: '/usr/bin/victoria-metrics',
    args: (directory, port) => [`-storageDataPath=${directory}/data`, `-httpListenAddr=127.0.0.1:${port}`],
    flush: '/internal/force_flush',
  },
  {
    name: 'prometheus',
    program: '/usr/bin/prometheus',
    args: (directory, port) => [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
    ],
  },
]

for (const { name, program, args, flush } of engines)
  describe.skipIf(program !== undefined && !existsSync(program))(`the metric contract on ${name}`, () => {
    let directory: string
    let child: ChildProcess | undefined
    let store: MetricStore
    let url = ''
    const selectAll = (matchers: Matcher[], fromMs = baseMs, toMs = baseMs + 300_000, limits = {}) =>
      store.select({ matchers, fromMs, toMs, seriesMax: 1000, samplesMax: 10_000, ...limits })
    const open = async (): Promise<void> => {
      store = program
        ? new RemoteMetrics(
            { ...remoteDefaults, directory, writeUrl: `${url}/api/v1/write`, queryUrl: url, headers: {} },
            { logger: silentLogger },
          )
        : new Tsdb({ ...tsdbDefaults, directory }, { clock: systemClock, logger: silentLogger })
      await store.open()
    }

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'guanlan-remote-'))
      if (program) {
        await writeFile(join(directory, 'prometheus.yml'), '')
        const port = await freePort()
        url = `http://127.0.0.1:${port}`
        child = spawn(program, args(directory, port), { stdio: 'ignore' })
        await ready(`${url}/api/v1/query?query=1`)
      }
      await open()
      const at = (i: number) => baseMs + i * 15_000
      await store.append(
        encodeForTest([
          [{ __name__: 'm', env: 'prod', job: 'api' }, [0, 1, 2, 3].map((i) => [at(i), i * 1.5])],
          [{ __name__: 'm', job: 'api2' }, [[at(0), 2]]],
          [{ __name__: 'n', job: 'db', zone: '广州"\\' }, [[at(0), Number.POSITIVE_INFINITY]]],
        ]),
        7,
      )
      if (flush) await fetch(`${url}${flush}`)
    }, 60_000)
    afterAll(async () => {
      await store?.close()
      if (child) {
        const gone = new Promise((resolve) => child!.once('exit', resolve))
        child.kill('SIGTERM')
        await gone
      }
      await rm(directory, { recursive: true, force: true })
    }, 60_000)

    it('gives back what was appended, both ends inclusive', async () => {
      const [series, ...others] = await selectAll([eq('__name__', 'm'), eq('job', 'api')], baseMs, baseMs + 30_000)
      expect(others).toEqual([])
      expect(series!.labels).toEqual({ __name__: 'm', env: 'prod', job: 'api' })
      expect([...series!.timestampsMs].map((t) => t - baseMs)).toEqual([0, 15_000, 30_000])
      expect([...series!.values]).toEqual([0, 1.5, 3])
    })

    it('selects by equality, inequality and anchored expressions; a missing label is the empty string', async () => {
      const jobs = async (...matchers: Matcher[]) => (await selectAll(matchers)).map(({ labels }) => labels['job'])
      const any = eq('__name__', '[mn]', '=~')
      expect(await jobs(eq('job', 'api', '=~'))).toEqual(['api'])
      expect((await jobs(eq('job', 'api.*', '=~'))).sort()).toEqual(['api', 'api2'])
      expect(await jobs(any, eq('job', 'api.*', '!~'))).toEqual(['db'])
      expect(await jobs(eq('__name__', 'm'), eq('env', ''))).toEqual(['api2'])
      expect((await jobs(any, eq('env', 'prod', '!='))).sort()).toEqual(['api2', 'db'])
    })

    it('keeps infinity, and labels with quotes, backslashes and Chinese', async () => {
      const [series] = await selectAll([eq('zone', '广州"\\')])
      expect([...series!.values]).toEqual([Number.POSITIVE_INFINITY])
    })

    it('lists label names, values and series', async () => {
      const span = [baseMs - 1000, baseMs + 60_000] as const
      const any = [eq('__name__', '[mn]', '=~')]
      expect(await store.labelNames(any, ...span)).toEqual(['__name__', 'env', 'job', 'zone'])
      expect(await store.labelValues('job', any, ...span)).toEqual(['api', 'api2', 'db'])
      expect(await store.series([eq('job', 'api2')], ...span)).toEqual([{ __name__: 'm', job: 'api2' }])
    })

    it('refuses to return more series or samples than asked for', async () => {
      const limited = (limits: object) => selectAll([eq('__name__', 'm')], undefined, undefined, limits)
      await expect(limited({ seriesMax: 1 })).rejects.toMatchObject({ code: 'query.limit' })
      await expect(limited({ samplesMax: 2 })).rejects.toMatchObject({ code: 'query.limit' })
    })

    it.skipIf(!program)('answers whole queries, and says why one is wrong', async () => {
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
    })

    it.skipIf(!program)('remembers its position over a restart', async () => {
      await store.close()
      await open()
      expect(await store.position()).toBe(7)
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
