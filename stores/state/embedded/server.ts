// A PostgreSQL of our own: made at the first start, reached only over a socket in a directory nobody else may enter.
import { type ChildProcess, spawn } from 'node:child_process'
import { chown, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import { findBinaries } from './binaries.ts'
import { chooseIdentity, type Identity } from './identity.ts'
import { endLeftover } from './leftover.ts'

export interface EmbeddedConfig {
  /** PostgreSQL's data directory; made when missing. */
  directory: string
  startTimeoutMs: number
  stopTimeoutMs: number
}

export interface EmbeddedServer {
  /** For the driver's `host`: the directory of the socket. */
  socketDirectory: string
  pid: number
  /** Called when the server ends without having been told to. */
  onExit(listener: (cause: string) => void): void
  stop(): Promise<void>
}

const majorVersion = '18'

/** Little memory, full durability: `fsync` and `synchronous_commit` stay on. */
const settings = {
  listen_addresses: '',
  shared_buffers: '24MB',
  max_connections: '24',
  max_wal_senders: '0',
  wal_level: 'minimal',
  max_wal_size: '128MB',
  min_wal_size: '32MB',
  autovacuum_max_workers: '1',
  max_worker_processes: '2',
  max_parallel_workers: '0',
  io_method: 'sync',
  jit: 'off',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  log_line_prefix: '',
} as const

/** @throws CodedError `store.unavailable` with PostgreSQL's own last words */
export async function startEmbedded(
  config: EmbeddedConfig,
  logger: Logger,
  /** Of an earlier start, so that connections find the new server where the old one was. */
  earlierSocketDirectory?: string,
): Promise<EmbeddedServer> {
  const binaries = await findBinaries()
  await mkdir(dirname(config.directory), { recursive: true })
  const identity = await chooseIdentity([binaries.postgres, dirname(config.directory)])
  await prepare(config.directory, identity)
  const version = await readFile(join(config.directory, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (version === undefined) await initialise(binaries.initdb, config.directory, identity)
  else if (version.trim() !== majorVersion)
    throw unavailable(`${config.directory} was written by PostgreSQL ${version.trim()}, this one is ${majorVersion}`)
  await endLeftover(config.directory, config.stopTimeoutMs)
  const socketDirectory = earlierSocketDirectory ?? (await mkdtemp(join(tmpdir(), 'guanlan-state-')))
  await mkdir(socketDirectory, { recursive: true, mode: 0o700 })
  if (identity.uid !== undefined) await chown(socketDirectory, identity.uid, identity.gid!)
  const options = Object.entries({ ...settings, unix_socket_directories: socketDirectory })
  const args = ['-D', config.directory, ...options.flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const child = launch(binaries.postgres, args, identity)
  let stopping = false
  let onExit: (cause: string) => void = () => {}
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`))
  })
  void exited.then((cause) => {
    if (!stopping) onExit(cause)
  })
  const stop = async (): Promise<void> => {
    if (stopping) return void (await exited)
    stopping = true
    // SIGINT: fast shutdown, a checkpoint and no waiting for clients. SIGQUIT: as a crash, replayed at the next start.
    child.kill('SIGINT')
    const timer = setTimeout(() => child.kill('SIGQUIT'), config.stopTimeoutMs)
    await exited
    clearTimeout(timer)
    await rm(socketDirectory, { recursive: true, force: true })
  }
  try {
    await untilReady(child, exited, config.startTimeoutMs, logger)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    socketDirectory,
    pid: child.pid!,
    onExit: (listener) => {
      onExit = listener
    },
    stop,
  }
}

/** The directory must belong to who runs the server, and to nobody else. */
async function prepare(directory: string, identity: Identity): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { uid } = await stat(directory)
  if (identity.uid !== undefined && uid !== identity.uid) await chown(directory, identity.uid, identity.gid!)
}

async function initialise(initdb: string, directory: string, identity: Identity): Promise<void> {
  // The built-in provider sorts alike on every machine: an index never breaks by an upgrade of the C library.
  const args = [
    ...['-D', directory, '--username=guanlan', '--auth=trust', '--encoding=UTF8', '--wal-segsize=4'],
    ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  ]
  const child = launch(initdb, args, identity)
  const words = lastWords(child)
  const cause = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code) => resolve(code === 0 ? undefined : words()))
  })
  if (cause !== undefined) throw unavailable(`initdb failed: ${cause}`)
}

function launch(command: string, args: string[], identity: Identity): ChildProcess {
  const [program, ...rest] = [...identity.prefix, command, ...args]
  const { uid, gid } = identity
  return spawn(program!, rest, {
    ...(uid === undefined ? {} : { uid, gid: gid! }),
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: Ctrl-C in a terminal reaches us, and we end the server after our last write.
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
  })
}

async function untilReady(
  child: ChildProcess,
  exited: Promise<string>,
  timeoutMs: number,
  logger: Logger,
): Promise<void> {
  const words = lastWords(child)
  let timer: NodeJS.Timeout | undefined
  const ready = new Promise<undefined>((resolve) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      const text = chunk.toString('utf8').trim()
      if (text.includes('database system is ready to accept connections')) resolve(undefined)
      else if (/\b(WARNING|ERROR|FATAL|PANIC):/.test(text)) logger.warn({ text }, 'postgresql')
    })
  })
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`it was not ready after ${timeoutMs} ms`), timeoutMs)
  })
  const cause = await Promise.race([ready, exited, late])
  clearTimeout(timer)
  if (cause !== undefined) throw unavailable(`PostgreSQL did not start: ${cause}. ${words()}`)
}

const lastWordsCharsMax = 2000

function lastWords(child: ChildProcess): () => string {
  let text = ''
  child.stderr!.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-lastWordsCharsMax)
  })
  return () => text.trim()
}

function unavailable(cause: string): CodedError {
  return new CodedError('store.unavailable', { store: 'state', cause })
}
