// Follows the systemd journal through journalctl: the journal's files have no stable format for others to read, and
// journalctl is on every machine that has one. The cursor of the last entry on disk is saved; reading goes on behind it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Collector, CollectorDeps, CollectorKind } from '#core/collector.ts'
import type { Health } from '#core/component.ts'
import type { RawEvent } from '#core/event.ts'
import { emitUntilKept } from '../emit-until-kept.ts'
import { type JournaldConfig, journaldConfigSchema } from './config.ts'
import { decodeEntry, type JournalEntry } from './decode.ts'

const receiver = 'journald'
const cursorKey = 'cursor'
const pauseMsMin = 500
const pauseMsMax = 60_000
/** A child that ran so long had started well: the next pause is short again. */
const ranWellMs = 60_000
const stderrCharsMax = 2000
const lineFeed = 0x0a

export const journaldKind: CollectorKind<JournaldConfig> = {
  name: receiver,
  configSchema: journaldConfigSchema,
  create: (config, deps) => new JournaldCollector(config, deps),
}

export class JournaldCollector implements Collector {
  readonly name = receiver
  readonly #config: JournaldConfig
  readonly #deps: CollectorDeps
  #stop = new AbortController()
  #loop: Promise<void> | undefined
  #child: ChildProcess | undefined
  #idle = ''
  #problem = ''

  constructor(config: JournaldConfig, deps: CollectorDeps) {
    this.#config = config
    this.#deps = deps
  }

  async start(): Promise<void> {
    if (!this.#config.enabled || this.#loop) return
    this.#stop = new AbortController()
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#child?.kill()
    // A grandchild may still hold the pipe.
    this.#child?.stdout?.destroy()
    await this.#loop
    this.#loop = undefined
    await this.#deps.positions.flush()
  }

  health(): Health {
    if (this.#problem !== '') return { state: 'degraded', detail: this.#problem }
    // A machine without a journal is well: there is only nothing to read.
    return { state: 'ok', detail: this.#idle }
  }

  describe(): string[] {
    return [this.#idle === '' ? `${this.#config.command} ${this.#config.directory ?? 'of this machine'}` : this.#idle]
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    let pauseMs = pauseMsMin
    while (!signal.aborted) {
      this.#idle = whyAbsent(this.#config)
      if (this.#idle !== '') {
        await sleep(this.#config.lookIntervalMs, undefined, { signal }).catch(() => {})
        continue
      }
      const begunMs = this.#deps.clock.monotonicMs()
      try {
        await this.#follow()
      } catch (error) {
        this.#problem = (error as Error).message
      }
      if (signal.aborted) return
      if (this.#deps.clock.monotonicMs() - begunMs > ranWellMs) pauseMs = pauseMsMin
      this.#deps.logger.warn({ cause: this.#problem, pauseMs }, 'journalctl ended; it is started again')
      await sleep(pauseMs, undefined, { signal }).catch(() => {})
      pauseMs = Math.min(pauseMs * 2, pauseMsMax)
    }
  }

  /** One life of journalctl. */
  async #follow(): Promise<void> {
    const child = spawn(this.#config.command, argumentsOf(this.#config, this.#deps.positions.get(cursorKey)), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    })
    this.#child = child
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-stderrCharsMax)
    })
    const ended = once(child, 'close') as Promise<[code: number | null, signal: string | null]>
    // Told by the await below; without this a failed start would end the process.
    ended.catch(() => {})
    try {
      await this.#read(child.stdout as AsyncIterable<Buffer>)
      const [code, signal] = await ended
      this.#problem = `journalctl ended (${code ?? signal}): ${complaint.trim() || 'without a word'}`
      // The entry was rotated away, or the journal is another one: without the cursor it begins again.
      if (/cursor/i.test(complaint) && code !== 0) this.#deps.positions.delete(cursorKey)
    } finally {
      child.kill()
      this.#child = undefined
    }
  }

  /** The pipe is read no further while a batch is being kept: journalctl waits, the journal keeps. */
  async #read(stdout: AsyncIterable<Buffer>): Promise<void> {
    let held: Buffer[] = []
    let heldBytes = 0
    let isTooLong = false
    for await (const chunk of stdout) {
      const lines: string[] = []
      let from = 0
      for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
        const piece = chunk.subarray(from, at)
        from = at + 1
        if (isTooLong || heldBytes + piece.length > this.#config.entryBytesMax) this.#drop('too-large')
        else lines.push((held.length > 0 ? Buffer.concat([...held, piece]) : piece).toString('utf8'))
        held = []
        heldBytes = 0
        isTooLong = false
      }
      const rest = chunk.subarray(from)
      if (heldBytes + rest.length > this.#config.entryBytesMax) {
        isTooLong = true
        held = []
        heldBytes = 0
      } else if (rest.length > 0) {
        held.push(Buffer.from(rest))
        heldBytes += rest.length
      }
      this.#problem = ''
      for (let i = 0; i < lines.length; i += this.#config.batchEventsMax)
        if (!(await this.#send(lines.slice(i, i + this.#config.batchEventsMax)))) return
    }
  }

  async #send(lines: readonly string[]): Promise<boolean> {
    const { emit, counters, positions, logger } = this.#deps
    const bySource = new Map<string, RawEvent[]>()
    let last: JournalEntry | undefined
    for (const line of lines) {
      if (line === '') continue
      const entry = decodeEntry(line)
      if (typeof entry === 'string') {
        this.#drop(entry)
        continue
      }
      last = entry
      const batch = bySource.get(entry.source)
      if (batch) batch.push(entry.event)
      else bySource.set(entry.source, [entry.event])
    }
    const sent = [...bySource].map(([source, batch]) =>
      emitUntilKept(() => emit.events(batch, { receiver, source }), this.#stop.signal, logger).then((isKept) => {
        if (!isKept) return false
        counters.received(batch.length)
        counters.accepted(batch.length)
        return true
      }),
    )
    // The cursor moves when all of them are on disk.
    if (!(await Promise.all(sent)).every(Boolean)) return false
    if (last) positions.set(cursorKey, last.cursor)
    return true
  }

  #drop(reason: string): void {
    this.#deps.counters.received(1)
    this.#deps.counters.dropped(reason, 1)
  }
}

function argumentsOf(config: JournaldConfig, cursor: string | undefined): string[] {
  // --all: without it fields over 4,096 bytes are null.
  const args = ['--output=json', '--follow', '--all', '--quiet', '--no-pager']
  if (config.directory !== undefined) args.push(`--directory=${config.directory}`)
  for (const unit of config.units) args.push(`--unit=${unit}`)
  if (cursor === undefined) args.push(`--lines=${config.firstEntriesMax}`)
  else args.push('--no-tail', `--after-cursor=${cursor}`)
  return args
}

/** @returns the reason why there is nothing to read, or an empty text. */
function whyAbsent({ command, directory }: JournaldConfig): string {
  if (spawnSync(command, ['--version'], { stdio: 'ignore', timeout: 5000 }).error)
    return `Idle: there is no ${command} on this machine.`
  const directories = directory === undefined ? ['/var/log/journal', '/run/log/journal'] : [directory]
  if (directories.some(hasJournal)) return ''
  return `Idle: no journal that this user may read in ${directories.join(' or ')}; the group systemd-journal may.`
}

/** Journal files are in the directory itself or one below, named by the machine. */
function hasJournal(directory: string): boolean {
  const isReadable = (path: string): boolean => {
    try {
      accessSync(path, constants.R_OK)
      return path.endsWith('.journal')
    } catch {
      return false
    }
  }
  try {
    return readdirSync(directory, { withFileTypes: true }).some((entry) => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? list(path).some((name) => isReadable(join(path, name))) : isReadable(path)
    })
  } catch {
    return false
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
