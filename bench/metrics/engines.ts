// The engines side by side, each the real program in a process and a directory of its own, spoken to over HTTP.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compressSnappy } from '#stores/metrics/remote/snappy.ts'
import { cpuSeconds } from './process-tree.ts'

export interface Answer {
  status: number
  body: Buffer
  wallMs: number
}

export interface BenchEngine {
  readonly name: string
  readonly port: number
  /** Of the process that was started; it may have others below it. */
  readonly pid: number
  start(): Promise<void>
  stop(): Promise<void>
  write(body: Uint8Array): Promise<void>
  get(path: string): Promise<Answer>
  post(path: string): Promise<Answer>
  /** Of the process since its start. */
  cpuMs(): Promise<number>
  /** Resident memory of the process. */
  memoryMiB(): Promise<number>
  /** Everything that was written is in its files, as far as it does that on demand. */
  settle(): Promise<void>
  readonly directory: string
}

interface Kind {
  name: string
  program: string
  args(directory: string, port: number): string[]
  environment?(directory: string, port: number): Record<string, string>
  ready: string
  settle(engine: BenchEngine): Promise<void>
}

const main = resolve(import.meta.dirname, '../../server/cli/main.ts')

const kinds: Kind[] = [
  {
    name: 'guanlan',
    program: process.execPath,
    // As guanlan.mjs starts it; so is the environment.
    args: () => ['--disable-warning=ExperimentalWarning', '--always-sparkplug', main, 'serve'],
    environment: (directory, port) => ({
      GUANLAN_DATA: directory,
      UV_THREADPOOL_SIZE: '16',
      NODE_COMPILE_CACHE: resolve(main, '../../../node_modules/.cache/guanlan'),
      GUANLAN_HTTP_LISTEN: `127.0.0.1:${port}`,
      GUANLAN_COLLECTORS_OTLP_HTTP_LISTEN: '',
      GUANLAN_COLLECTORS_OTLP_GRPC_LISTEN: '',
      GUANLAN_COLLECTORS_SYSLOG_UDP_LISTEN: '',
      GUANLAN_COLLECTORS_SYSLOG_TCP_LISTEN: '',
      GUANLAN_COLLECTORS_FILE_ENABLED: 'false',
      GUANLAN_COLLECTORS_HOST_ENABLED: 'false',
      GUANLAN_COLLECTORS_JOURNALD_ENABLED: 'false',
      GUANLAN_LOG_LEVEL: 'error',
    }),
    ready: '/health',
    // A deletion of nothing writes what is in memory to a block first.
    settle: async (engine) => {
      const { status, body } = await engine.post('/api/v1/admin/tsdb/delete_series?match[]=no_such_metric')
      if (status !== 204) throw new Error(`guanlan: ${status} ${body}`)
    },
  },
  {
    name: 'prometheus',
    program: '/usr/bin/prometheus',
    args: (directory, port) => [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...['--web.enable-remote-write-receiver', '--web.enable-admin-api', '--log.level=error'],
    ],
    ready: '/-/ready',
    settle: async (engine) => {
      await engine.post('/api/v1/admin/tsdb/snapshot?skip_head=false')
    },
  },
  {
    name: 'victoria-metrics',
    program: '/usr/bin/victoria-metrics',
    args: (directory, port) => [
      `-storageDataPath=${directory}/data`,
      `-httpListenAddr=127.0.0.1:${port}`,
      ...['-retentionPeriod=1y', '-loggerLevel=ERROR', '-search.maxUniqueTimeseries=1000000'],
    ],
    ready: '/health',
    settle: async (engine) => {
      await engine.get('/internal/force_flush')
      await engine.get('/internal/force_merge')
    },
  },
]

export async function createEngines(directory: string): Promise<BenchEngine[]> {
  const found: BenchEngine[] = []
  for (const kind of kinds)
    if (existsSync(kind.program)) found.push(await createEngine(kind, join(directory, kind.name)))
    else console.log(`${kind.program} is not installed: left out`)
  return found
}

async function createEngine(kind: Kind, directory: string): Promise<BenchEngine> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'prometheus.yml'), '')
  const agent = new Agent({ keepAlive: true, maxSockets: 2 })
  const port = await freePort()
  const headers: Record<string, string> = {}
  let child: ChildProcess | undefined
  const environment = { ...process.env, ...kind.environment?.(directory, port) }

  const send = (method: string, path: string, body?: Uint8Array, more: Record<string, string> = {}): Promise<Answer> =>
    new Promise((done, failed) => {
      const from = performance.now()
      const options = { host: '127.0.0.1', port, method, path, agent, headers: { ...headers, ...more } }
      const asked = request(options, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () =>
          done({ status: response.statusCode ?? 0, body: Buffer.concat(parts), wallMs: performance.now() - from }),
        )
        response.on('error', failed)
      })
      asked.on('error', failed)
      asked.end(body)
    })

  const engine: BenchEngine = {
    name: kind.name,
    directory,
    port,
    get pid() {
      return child!.pid!
    },
    async start() {
      child = spawn(kind.program, kind.args(directory, port), {
        env: environment,
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      for (let i = 0; ; i++) {
        const ok = await send('GET', kind.ready).then(
          ({ status }) => status === 200,
          () => false,
        )
        if (ok) break
        if (i > 1200) throw new Error(`${kind.name} does not answer`)
        await sleep(50)
      }
      if (kind.environment && !headers['authorization']) {
        const args = ['--disable-warning=ExperimentalWarning', main, 'token', 'create', '--role', 'admin']
        headers['authorization'] =
          `Bearer ${execFileSync(process.execPath, args, { env: environment, encoding: 'utf8' }).trim()}`
      }
    },
    async stop() {
      const ending = child
      child = undefined
      if (!ending) return
      const gone = new Promise((resolved) => ending.once('exit', resolved))
      ending.kill('SIGTERM')
      await gone
    },
    async write(body) {
      const more = {
        'content-encoding': 'snappy',
        'content-type': 'application/x-protobuf',
        'x-prometheus-remote-write-version': '0.1.0',
      }
      for (let tries = 0; ; tries++) {
        const { status, body: text } = await send('POST', '/api/v1/write', compressSnappy(body), more)
        if (status < 300) return
        if (status < 500 && status !== 429) throw new Error(`${kind.name}: ${status} ${text.toString().slice(0, 300)}`)
        if (tries > 100) throw new Error(`${kind.name} takes nothing: ${status}`)
        await sleep(200)
      }
    },
    get: (path) => send('GET', path),
    post: (path) => send('POST', path),
    async cpuMs() {
      return (await cpuSeconds(child!.pid!)) * 1000
    },
    async memoryMiB() {
      const text = await readFile(`/proc/${child!.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+)/.exec(text)![1]) / 1024
    },
    settle: () => kind.settle(engine),
  }
  return engine
}

export async function bytesUnder(directory: string, skip: readonly string[] = []): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (skip.includes(entry.name)) continue
    const path = join(directory, entry.name)
    bytes += entry.isDirectory() ? await bytesUnder(path, skip) : (await stat(path)).size
  }
  return bytes
}

async function freePort(): Promise<number> {
  const socket = createServer()
  await new Promise<void>((resolved) => socket.listen(0, '127.0.0.1', resolved))
  const { port } = socket.address() as AddressInfo
  await new Promise((resolved) => socket.close(resolved))
  return port
}
