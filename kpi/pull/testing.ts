// A department's databases for tests: the real servers, on free ports of this machine, in directories of their own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { findBinaries } from '#stores/state/embedded/binaries.ts'
import { chooseIdentity } from '#stores/state/embedded/identity.ts'
import type { PullSource } from './source.ts'

export interface DepartmentServer {
  engine: PullSource['engine']
  port: number
  directory: string
  /** PEM of who signed its certificate, whose name is `db.test`. */
  caFile: string
  /** As its administrator. */
  run(sql: string): Promise<void>
  url(user: string): string
  /** As a crash. */
  kill(): Promise<void>
  start(): Promise<void>
  dispose(): Promise<void>
}

export const hasMariadb = existsSync('/usr/sbin/mariadbd')
const startTries = 120

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

function certificate(directory: string): { caFile: string; certFile: string; keyFile: string } {
  const [caFile, keyFile] = [join(directory, 'server.crt'), join(directory, 'server.key')]
  const subject = ['-subj', '/CN=db.test', '-addext', 'subjectAltName=DNS:db.test']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', keyFile, '-out', caFile], {
    stdio: 'ignore',
  })
  return { caFile, certFile: caFile, keyFile }
}

async function untilUp(tried: () => Promise<void>): Promise<void> {
  for (let i = 0; ; i++)
    try {
      return await tried()
    } catch (error) {
      if (i >= startTries) throw error
      await sleep(250)
    }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => (child.exitCode === null ? child.once('exit', () => resolve()) : resolve()))
}

export async function startPostgres(): Promise<DepartmentServer> {
  const root = mkdtempSync(join(tmpdir(), 'department-pg-'))
  const binaries = await findBinaries()
  const identity = await chooseIdentity([binaries.postgres, root])
  const { uid, gid, prefix } = identity
  const as = uid === undefined ? {} : { uid, gid: gid! }
  const data = join(root, 'data')
  const { caFile, certFile, keyFile } = certificate(root)
  chmodSync(root, 0o777)
  mkdirSync(data, { mode: 0o700 })
  if (uid !== undefined) execFileSync('chown', ['-R', `${uid}:${gid}`, root])
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' }
  const launch = (program: string, args: string[]) => {
    const [command, ...rest] = [...prefix, program, ...args]
    return [command!, rest, { ...as, cwd: '/', env }] as const
  }
  const [initdb, initArgs, options] = launch(binaries.initdb, [
    ...['-D', data, '--username=root', '--auth=trust', '--encoding=UTF8', '--locale=C'],
  ])
  execFileSync(initdb, initArgs, { ...options, stdio: 'ignore' })
  writeFileSync(
    join(data, 'pg_hba.conf'),
    'host all root 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\nhostnossl all plain 127.0.0.1/32 scram-sha-256\n',
  )
  const port = await freePort()
  let child: ChildProcess
  const run = async (sql: string): Promise<void> => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'root', database: 'postgres' })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
  const start = async (): Promise<void> => {
    const settings = {
      ...{ port, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off', shared_buffers: '16MB' },
      ...{ ssl: 'on', ssl_cert_file: certFile, ssl_key_file: keyFile, max_connections: 20, timezone: 'Asia/Tokyo' },
    }
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const [command, rest, given] = launch(binaries.postgres, ['-D', data, ...args])
    child = spawn(command, rest, { ...given, stdio: 'ignore' })
    await untilUp(() => run('select 1'))
  }
  const kill = async (): Promise<void> => {
    child.kill('SIGQUIT')
    await ended(child)
  }
  await start()
  return {
    ...{ engine: 'postgresql', port, directory: root, caFile, run, start, kill },
    url: (user) => `postgresql://${user}:secret%40${user}@localhost:${port}/postgres`,
    dispose: async () => {
      await kill()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

export async function startMariadb(): Promise<DepartmentServer> {
  const root = mkdtempSync(join(tmpdir(), 'department-maria-'))
  const data = join(root, 'data')
  const { caFile, certFile, keyFile } = certificate(root)
  const isRoot = process.getuid?.() === 0
  if (isRoot) {
    chmodSync(root, 0o755)
    execFileSync('chown', ['-R', 'mysql:mysql', root])
  }
  const asUser = isRoot ? ['--user=mysql'] : []
  const install = [`--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...asUser]
  execFileSync('mariadb-install-db', ['--no-defaults', ...install], { stdio: 'ignore' })
  const port = await freePort()
  let child: ChildProcess
  const run = async (sql: string): Promise<void> => {
    const connection = await mysql.createConnection({
      ...{ host: '127.0.0.1', port, user: 'root', multipleStatements: true },
    })
    try {
      await connection.query(sql)
    } finally {
      await connection.end()
    }
  }
  const start = async (): Promise<void> => {
    const args = [
      ...['--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1', ...asUser],
      ...[`--socket=${join(root, 's')}`, `--pid-file=${join(root, 'pid')}`, '--innodb-buffer-pool-size=16M'],
      ...[`--ssl-ca=${caFile}`, `--ssl-cert=${certFile}`, `--ssl-key=${keyFile}`],
      ...['--default-time-zone=+09:00', '--performance-schema=off'],
    ]
    child = spawn('/usr/sbin/mariadbd', args, { stdio: 'ignore' })
    await untilUp(() => run('select 1'))
  }
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended(child)
  }
  await start()
  await run('create database department')
  return {
    ...{ engine: 'mysql', port, directory: root, caFile, run, start, kill },
    url: (user) => `mysql://${user}:secret%40${user}@localhost:${port}/department`,
    dispose: async () => {
      await kill()
      rmSync(root, { recursive: true, force: true })
    },
  }
}
