// An observatory as a process of its own, to be killed and started again on the same data.
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'

const main = resolve(import.meta.dirname, '../../server/cli/main.ts')
const node = ['--disable-warning=ExperimentalWarning', main]
const upWithinMs = 60_000

export interface TestProcess {
  readonly url: string
  readonly child: ChildProcess
  /** Resolves when it answers, with how long that took. */
  start(): Promise<number>
  /** Resolves when it is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  token(): Promise<string>
}

export async function testProcess(directory: string, settings: Record<string, string> = {}): Promise<TestProcess> {
  const [http, otlpHttp, otlpGrpc, syslog] = await freePorts(4)
  const url = `http://127.0.0.1:${http}`
  const environment = {
    ...process.env,
    GUANLAN_DATA: join(directory, 'data'),
    GUANLAN_HTTP_LISTEN: `127.0.0.1:${http}`,
    GUANLAN_COLLECTORS_OTLP_HTTP_LISTEN: `127.0.0.1:${otlpHttp}`,
    GUANLAN_COLLECTORS_OTLP_GRPC_LISTEN: `127.0.0.1:${otlpGrpc}`,
    GUANLAN_COLLECTORS_SYSLOG_UDP_LISTEN: '',
    GUANLAN_COLLECTORS_SYSLOG_TCP_LISTEN: `127.0.0.1:${syslog}`,
    GUANLAN_COLLECTORS_FILE_ENABLED: 'false',
    GUANLAN_COLLECTORS_JOURNALD_ENABLED: 'false',
    GUANLAN_LOG_LEVEL: 'error',
    ...settings,
  }
  let child: ChildProcess | undefined

  return {
    url,
    get child() {
      return child!
    },
    start: async () => {
      const startedMs = performance.now()
      const begun = spawn(process.execPath, [...node, 'serve'], {
        env: environment,
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      child = begun
      while (performance.now() - startedMs < upWithinMs) {
        if (begun.exitCode !== null) throw new Error(`it ended with ${begun.exitCode}`)
        const ok = await fetch(`${url}/health`).then(
          (response) => response.ok,
          () => false,
        )
        if (ok) return performance.now() - startedMs
        await new Promise((done) => setTimeout(done, 25))
      }
      throw new Error('it did not come up within a minute')
    },
    end: async (signal) => {
      const gone = new Promise((done) => child!.once('exit', done))
      child!.kill(signal)
      await gone
    },
    token: () =>
      new Promise<string>((done, fail) => {
        let text = ''
        const made = spawn(process.execPath, [...node, 'token', 'create', '--role', 'admin'], { env: environment })
        made.stdout.on('data', (chunk: Buffer) => {
          text += chunk.toString()
        })
        made.on('exit', (code) => (code === 0 ? done(text.trim()) : fail(new Error(`token create ended with ${code}`))))
      }),
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise<typeof server>((done) => server.listen(0, '127.0.0.1', () => done(server)))
    }),
  )
  const found = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return found
}
