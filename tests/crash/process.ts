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
  /** `guanlan …` on the same data, to its end. */
  command(args: readonly string[], more?: Record<string, string>): Promise<CommandResult>
}

export interface CommandResult {
  code: number | null
  stdout: string
  stderr: string
}

/** The command line as a person calls it, to its end. */
export function runCommand(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<CommandResult> {
  return new Promise((done) => {
    const said = { stdout: '', stderr: '' }
    const child = spawn(process.execPath, [...node, ...args], { env })
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk: Buffer) => {
        said[name] += chunk.toString()
      })
    child.on('exit', (code) => done({ code, ...said }))
  })
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
    token: async () => {
      const { code, stdout } = await runCommand(['token', 'create', '--role', 'admin'], environment)
      if (code !== 0) throw new Error(`token create ended with ${code}`)
      return stdout.trim()
    },
    command: (args, more = {}) => runCommand(args, { ...environment, ...more }),
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
