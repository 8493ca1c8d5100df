import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isStaleNaN } from '#core/sample.ts'
import { endProcess } from '#tests/end-process.ts'
import { createRecorder, type Recorder, until } from '../recorder.ts'
import { PrometheusCollector } from './collector.ts'
import { prometheusConfigSchema, relabelSchema } from './config.ts'
import { createRelabel } from './relabel.ts'

const exporter = 'prometheus-node-exporter'
const hasExporter = spawnSync(exporter, ['--version']).status === 0

describe('the Prometheus collector', () => {
  let recorder: Recorder
  const servers: Server[] = []
  const running: PrometheusCollector[] = []
  beforeEach(() => {
    recorder = createRecorder()
  })
  afterEach(async () => {
    for (const collector of running.splice(0)) await collector.stop()
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  const serve = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return `127.0.0.1:${(server.address() as { port: number }).port}`
  }
  const start = async (job: object): Promise<PrometheusCollector> => {
    const config = prometheusConfigSchema.parse({ scrape_configs: [{ job_name: 'j', scrape_interval: 500, ...job }] })
    const collector = new PrometheusCollector(config, recorder.deps)
    running.push(collector)
    await collector.start()
    return collector
  }
  const values = (name: string) => recorder.samples.filter(({ labels }) => labels['__name__'] === name)
  const scraped = (count: number) => until(() => values('up').length >= count, `scrape ${count}`)

  it('scrapes with job, instance and own labels, and reports on the scrape', async () => {
    const target = await serve((_, response) => response.end('# TYPE a counter\na{job="x"} 1\nb 2 1700000000000\n'))
    await start({ static_configs: [{ targets: [target], labels: { room: '7' } }] })
    await scraped(1)
    const common = { job: 'j', instance: target, room: '7' }
    expect(values('a')[0]).toMatchObject({ value: 1, labels: { ...common, exported_job: 'x' } })
    expect(values('b')[0]).toMatchObject({ value: 2, labels: common, timestampMs: 1700000000000 })
    expect(values('up')[0]).toMatchObject({ value: 1, labels: common })
    expect(values('scrape_samples_scraped')[0]!.value).toBe(2)
    expect(values('scrape_samples_post_metric_relabeling')[0]!.value).toBe(2)
    expect(values('scrape_series_added')[0]!.value).toBe(2)
    expect(recorder.metadata).toContainEqual({ family: 'a', type: 'counter', help: '', unit: '' })
    await scraped(2)
    expect(values('scrape_series_added')[1]!.value).toBe(0)
  })

  it('has help and types of a target that was down at first', async () => {
    let asked = 0
    const target = await serve((_, response) => {
      asked++
      if (asked === 1) response.statusCode = 503
      response.end('# TYPE a counter\na 1\n')
    })
    await start({ static_configs: [{ targets: [target] }] })
    await scraped(3)
    expect(values('up').map(({ value }) => value)).toEqual([0, 1, 1])
    expect(recorder.metadata).toEqual([{ family: 'a', type: 'counter', help: '', unit: '' }])
  })

  it('keeps the target’s own labels when told to honour them', async () => {
    const target = await serve((_, response) => response.end('a{job="x",instance=""} 1\n'))
    await start({ honor_labels: true, static_configs: [{ targets: [target] }] })
    await scraped(1)
    expect(values('a')[0]!.labels).toEqual({ __name__: 'a', job: 'x', instance: target })
  })

  it('marks a series stale when it disappears, all when the target fails, and once only', async () => {
    const bodies = ['a 1\nb 1\nt 1 1700000000000\n', 'b 2\n', undefined, undefined]
    const target = await serve((_, response) => {
      const body = bodies.shift()
      response.statusCode = body === undefined ? 500 : 200
      response.end(body)
    })
    const collector = await start({ static_configs: [{ targets: [target] }] })
    await scraped(4)
    const shape = (name: string) => values(name).map(({ value }) => (isStaleNaN(value) ? 'stale' : value))
    expect(shape('a')).toEqual([1, 'stale'])
    expect(shape('b')).toEqual([1, 2, 'stale'])
    expect(shape('t')).toEqual([1])
    expect(shape('up').slice(0, 4)).toEqual([1, 1, 0, 0])
    expect(collector.health()).toMatchObject({ state: 'degraded', detail: expect.stringContaining('answered 500') })
  })

  it('follows a file of targets, ends what leaves it, and keeps the old when the new is broken', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'guanlan-sd-'))
    try {
      const target = await serve((_, response) => response.end('a 1\n'))
      const file = join(directory, 'targets.json')
      await writeFile(file, JSON.stringify([{ targets: [target], labels: { from: 'file' } }]))
      const collector = await start({
        file_sd_configs: [{ files: [join(directory, '*.json')], refresh_interval: 1000 }],
      })
      await scraped(1)
      expect(values('a')[0]!.labels).toMatchObject({ from: 'file' })
      await writeFile(file, '[{ "targets": [7')
      await until(() => collector.health().state === 'degraded', 'the broken file to be told')
      expect(collector.describe()).toHaveLength(1)
      await writeFile(file, '[]')
      await until(() => values('a').some(({ value }) => isStaleNaN(value)), 'stale markers')
      expect(values('up').some(({ value }) => isStaleNaN(value))).toBe(true)
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('relabels targets and samples', async () => {
    const target = await serve((request, response) => response.end(`path{url="${request.url}"} 1\ndrop_me 1\n`))
    await start({
      static_configs: [{ targets: ['192.0.2.1:9'] }],
      params: { module: ['icmp'] },
      relabel_configs: [
        { source_labels: ['__address__'], target_label: '__param_target' },
        { source_labels: ['__param_target'], target_label: 'instance' },
        { target_label: '__address__', replacement: target },
        { target_label: '__metrics_path__', replacement: '/probe' },
      ],
      metric_relabel_configs: [{ source_labels: ['__name__'], regex: 'drop_.*', action: 'drop' }],
    })
    await scraped(1)
    expect(values('path')[0]!.labels).toMatchObject({ instance: '192.0.2.1:9' })
    const url = new URL(values('path')[0]!.labels['url']!, 'http://x')
    expect(url.pathname).toBe('/probe')
    expect(Object.fromEntries(url.searchParams)).toEqual({ module: 'icmp', target: '192.0.2.1:9' })
    expect(values('drop_me')).toEqual([])
    expect(values('scrape_samples_scraped')[0]!.value).toBe(2)
    expect(values('scrape_samples_post_metric_relabeling')[0]!.value).toBe(1)
  })

  it.each([
    ['too many samples', { sample_limit: 1 }, 'a 1\nb 2\n', /more than 1 samples/],
    ['a large answer', { body_size_limit: '1KB' }, `# ${'x'.repeat(5000)}\n`, /larger than 1024 bytes/],
    ['a bad line', {}, 'a 1\nbad line here\n', /line 2/],
    ['invalid UTF-8', {}, Buffer.from('a{x="\xff"} 1\n', 'latin1'), /UTF-8/],
  ])('counts the target as down for %s, keeping nothing of it', async (_, job, body, problem) => {
    const target = await serve((_, response) => response.end(body))
    const collector = await start({ ...job, static_configs: [{ targets: [target] }] })
    await scraped(1)
    expect(values('up')[0]!.value).toBe(0)
    expect(values('a').filter(({ value }) => !isStaleNaN(value))).toEqual([])
    expect(collector.health().detail).toMatch(problem)
  })

  it('bounds a gzip bomb, and reads an honest gzip', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, '# '))
    const bad = await serve((_, response) => response.setHeader('content-encoding', 'gzip').end(bomb))
    const good = await serve((request, response) => {
      expect(request.headers['accept-encoding']).toBe('gzip')
      response.setHeader('content-encoding', 'gzip').end(gzipSync('fine 1\n'))
    })
    await start({ body_size_limit: '1MB', static_configs: [{ targets: [bad, good] }] })
    await scraped(2)
    expect(values('fine').length).toBeGreaterThan(0)
    expect(values('up').find(({ labels }) => labels['instance'] === bad)!.value).toBe(0)
  })

  it('gives up a target that does not answer in time, and one that redirects to another host', async () => {
    const silent = await serve(() => {})
    const elsewhere = await serve((_, response) => response.writeHead(302, { location: 'http://192.0.2.9/' }).end())
    const moved = await serve((request, response) => {
      if (request.url === '/metrics') response.writeHead(302, { location: '/new' }).end()
      else response.end('moved 1\n')
    })
    const collector = await start({ scrape_timeout: 200, static_configs: [{ targets: [silent, elsewhere, moved] }] })
    await scraped(3)
    const up = (instance: string) => values('up').find(({ labels }) => labels['instance'] === instance)?.value
    await until(() => up(silent) !== undefined && up(elsewhere) !== undefined && up(moved) !== undefined, 'all')
    expect([up(silent), up(elsewhere), up(moved)]).toEqual([0, 0, 1])
    expect(collector.health().detail).toMatch(/within 200 ms|another host/)
  })

  it('authenticates, and reads OpenMetrics strictly when the target says it is', async () => {
    const target = await serve((request, response) => {
      if (request.headers.authorization !== `Basic ${btoa('u:p')}`) return response.writeHead(401).end()
      expect(request.headers.accept).toContain('application/openmetrics-text')
      response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8')
      response.end('# TYPE a counter\na_total 3 1700000000.5\n# EOF\n')
    })
    await start({ basic_auth: { username: 'u', password: 'p' }, static_configs: [{ targets: [target] }] })
    await scraped(1)
    expect(values('a_total')[0]).toMatchObject({ value: 3, timestampMs: 1700000000500 })
  })

  it.skipIf(!hasExporter)('scrapes Debian’s node_exporter (needs prometheus-node-exporter)', async () => {
    const port = await freePort()
    const child = spawn(exporter, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' })
    try {
      await start({ static_configs: [{ targets: [`127.0.0.1:${port}`] }] })
      await until(() => values('up').some(({ value }) => value === 1), 'node_exporter up')
      expect(values('node_load1')).not.toEqual([])
      expect(values('node_cpu_seconds_total').length).toBeGreaterThanOrEqual(8)
      expect(recorder.counts.received).toBe(recorder.counts.accepted)
    } finally {
      await endProcess(child)
    }
  })

  const freePort = async (): Promise<number> => {
    const address = await serve(() => {})
    const server = servers.pop()!
    server.close()
    await once(server, 'close')
    return Number(address.split(':')[1])
  }
})

describe('relabelling', () => {
  const relabel = (rule: object, labels: Record<string, string>) => createRelabel([relabelSchema.parse(rule)])(labels)

  it('does what each action of Prometheus does', () => {
    const labels = { a: 'foo-bar', b: 'x', __meta_c: 'y' }
    const a = { source_labels: ['a'] }
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a relabelling template
    expect(relabel({ ...a, regex: '(.+)-(.+)', target_label: 't', replacement: '${2}_$1' }, labels)).toMatchObject({
      t: 'bar_foo',
    })
    expect(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a relabelling template
      relabel({ ...a, regex: '(?P<first>[a-z(]+)-.*', target_label: 't', replacement: '${first}' }, labels)!['t'],
    ).toBe('foo')
    expect(relabel({ ...a, regex: 'foo', target_label: 't' }, labels)).toEqual(labels)
    expect(relabel({ target_label: 'a', replacement: '' }, labels)).toEqual({ b: 'x', __meta_c: 'y' })
    expect(relabel({ ...a, regex: 'foo.*', action: 'keep' }, labels)).toEqual(labels)
    expect(relabel({ ...a, regex: 'foo', action: 'keep' }, labels)).toBeUndefined()
    expect(relabel({ ...a, regex: 'foo.*', action: 'DROP' }, labels)).toBeUndefined()
    expect(relabel({ regex: '__meta_(.+)', action: 'labelmap' }, labels)).toMatchObject({ c: 'y' })
    expect(relabel({ regex: '__.*', action: 'labeldrop' }, labels)).toEqual({ a: 'foo-bar', b: 'x' })
    expect(relabel({ regex: 'b', action: 'labelkeep' }, labels)).toEqual({ b: 'x' })
    expect(relabel({ ...a, target_label: 't', action: 'uppercase' }, labels)).toMatchObject({ t: 'FOO-BAR' })
    expect(relabel({ ...a, target_label: 'b', action: 'keepequal' }, labels)).toBeUndefined()
    expect(relabel({ ...a, target_label: 'b', action: 'dropequal' }, labels)).toEqual(labels)
    // From Prometheus's own relabel_test.go.
    const hash = { source_labels: ['c'], target_label: 'd', separator: ';', action: 'hashmod', modulus: 1000 }
    expect(relabel(hash, { a: 'foo', b: 'bar', c: 'baz' })).toMatchObject({ d: '976' })
  })

  it('refuses a rule that cannot work, saying which key', () => {
    expect(relabelSchema.safeParse({ action: 'hashmod', target_label: 'x' }).success).toBe(false)
    expect(relabelSchema.safeParse({ action: 'replace' }).success).toBe(false)
    expect(relabelSchema.safeParse({ regex: '(?=x)', action: 'labeldrop' }).success).toBe(false)
  })
})
