// Protobuf scrapes against real programs: what node_exporter writes, and what Prometheus reads of the same bytes.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { endProcess } from '#tests/end-process.ts'
import { createRecorder, type Recorder, until } from '../recorder.ts'
import { PrometheusCollector } from './collector.ts'
import { prometheusConfigSchema } from './config.ts'
import { family, label, nativeAndClassic, nested } from './exposition/testing.ts'

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0

describe('protobuf scrapes', () => {
  const endings: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end()
  })
  const begin = (program: string, args: string[]): void => {
    const child: ChildProcess = spawn(program, args, { stdio: 'ignore' })
    endings.push(() => endProcess(child))
  }
  const scrape = async (job: object): Promise<Recorder> => {
    const recorder = createRecorder()
    const config = prometheusConfigSchema.parse({ scrape_configs: [{ job_name: 'j', scrape_interval: 500, ...job }] })
    const collector = new PrometheusCollector(config, recorder.deps)
    endings.push(() => collector.stop())
    await collector.start()
    const isUp = ({ labels, value }: { labels: Record<string, string>; value: number }): boolean =>
      labels['__name__'] === 'up' && value === 1
    await until(() => recorder.samples.some(isUp), 'a scrape')
    return recorder
  }

  it.skipIf(!has('prometheus-node-exporter'))(
    'of node_exporter give the series that text gives (needs prometheus-node-exporter)',
    async () => {
      const port = await freePort()
      begin('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${port}`])
      const static_configs = [{ targets: [`127.0.0.1:${port}`] }]
      const [text, protobuf] = [
        await scrape({ static_configs }),
        await scrape({ static_configs, scrape_protocols: ['PrometheusProto'] }),
      ]
      const seriesOf = ({ samples }: Recorder): string[] => [
        ...new Set(
          samples
            // Interfaces, processes and the exporter's own counters by code come and go between two scrapes.
            .filter(({ labels: { __name__ } }) => /^node_(cpu|memory|filesystem|load|vmstat|uname)/.test(__name__!))
            .map(({ labels }) => JSON.stringify(Object.entries(labels).sort())),
        ),
      ]
      expect(seriesOf(protobuf).length).toBeGreaterThan(50)
      expect(seriesOf(protobuf).sort()).toEqual(seriesOf(text).sort())
      const numberOf = (recorder: Recorder, name: string): number | undefined =>
        recorder.samples.find(({ labels }) => labels['__name__'] === name)?.value
      expect(numberOf(protobuf, 'node_boot_time_seconds')).toBe(numberOf(text, 'node_boot_time_seconds'))
      expect(protobuf.metadata).toContainEqual(text.metadata.find(({ family: name }) => name === 'node_load1'))
    },
  )

  it.skipIf(!has('prometheus'))(
    'with native histograms give what Prometheus reads of the same bytes (needs prometheus)',
    async () => {
      const body = Buffer.concat([
        family('seconds', 4, nativeAndClassic),
        family('old_seconds', 4, (writer) =>
          nested(writer, 0x3a, (histogram) =>
            nested(histogram.uint32(0x08).uint64(3).uint32(0x11).double(0.75), 0x1a, (bucket) =>
              bucket.uint32(0x08).uint64(2).uint32(0x11).double(0.25),
            ),
          ),
        ),
        family('jobs_total', 0, (writer) =>
          nested(nested(writer, 0x0a, label('kind', 'x "y"')), 0x1a, (counter) => counter.uint32(0x09).double(12)),
        ),
      ])
      const asked: string[] = []
      const server = createServer((request, response) => {
        asked.push(request.headers.accept ?? '')
        response.setHeader(
          'content-type',
          'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
        )
        response.end(body)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      endings.push(async () => {
        server.closeAllConnections()
        server.close()
      })
      const target = `127.0.0.1:${(server.address() as AddressInfo).port}`
      const ours = await scrape({ scrape_native_histograms: true, static_configs: [{ targets: [target] }] })

      const directory = await mkdtemp(join(tmpdir(), 'guanlan-protobuf-'))
      endings.push(() => rm(directory, { recursive: true }))
      const config = {
        scrape_configs: [{ job_name: 'j', scrape_interval: '1s', static_configs: [{ targets: [target] }] }],
      }
      await writeFile(join(directory, 'prometheus.yml'), JSON.stringify(config))
      const port = await freePort()
      begin('prometheus', [
        `--config.file=${directory}/prometheus.yml`,
        `--storage.tsdb.path=${directory}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--enable-feature=native-histograms',
      ])
      const query = async (): Promise<PromResult[]> => {
        const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent('{job="j"}')}`
        const response = await fetch(url).catch(() => undefined)
        if (!response?.ok) return []
        return ((await response.json()) as { data: { result: PromResult[] } }).data.result
      }
      let theirs: PromResult[] = []
      while (!theirs.some(({ metric }) => metric['__name__'] === 'jobs_total')) {
        await sleep(100)
        theirs = await query()
      }
      const floats = (name: string): string => /^(seconds|old_seconds|jobs)/.exec(name)?.[0] ?? ''
      const theirFloats = theirs
        .filter(({ metric, value }) => value && floats(metric['__name__']!) !== '')
        .map(({ metric, value }): [object, number] => [metric, Number(value![1])])
      const ourFloats = ours.samples
        .filter(({ labels, histogram }) => !histogram && floats(labels['__name__']!) !== '')
        .map(({ labels, value }): [object, number] => [labels, value])
      expect(theirFloats).toHaveLength(5)
      for (const one of theirFloats) expect(ourFloats).toContainEqual(one)

      const their = theirs.find(({ histogram }) => histogram)!.histogram![1]
      const { histogram } = ours.samples.find((sample) => sample.histogram)!
      expect([histogram!.count, histogram!.sum]).toEqual([Number(their.count), Number(their.sum)])
      // Theirs: rule, lower bound, upper bound, count; the zero bucket among them.
      const zero = their.buckets.find(([, lower]) => Number(lower) < 0)!
      expect([Number(zero[2]), Number(zero[3])]).toEqual([histogram!.zeroThreshold, histogram!.zeroCount])
      const positive = their.buckets.filter(([, lower]) => Number(lower) > 0)
      expect(positive.map(([, , , count]) => Number(count))).toEqual([...histogram!.positiveBuckets])
      const first = histogram!.positiveSpans[0]!.offset
      positive.forEach(([, , upper], i) => {
        expect(Number(upper)).toBeCloseTo(2 ** ((first + i) * 2 ** -histogram!.schema), 12)
      })
      // Both asked for it as the same thing, before the text formats.
      const wanted = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
      expect(asked.filter((accept) => accept.replaceAll(' ', '').startsWith(wanted)).length).toBe(asked.length)
      expect(new Set(asked).size).toBe(2)
    },
    40_000,
  )
})

interface PromResult {
  metric: Record<string, string>
  value?: [number, string]
  histogram?: [number, { count: string; sum: string; buckets: [number, string, string, string][] }]
}

async function freePort(): Promise<number> {
  const socket: Server | ReturnType<typeof createSocket> = createSocket().listen(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address() as AddressInfo
  socket.close()
  await once(socket, 'close')
  return port
}
