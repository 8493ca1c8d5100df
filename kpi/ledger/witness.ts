// A witness: another body's memory of a log. It signs a checkpoint only when it continues the last one that it signed,
// and keeps that one on disk first, so that no restart and no crash makes it sign two histories.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '#core/clock.ts'
import { type OpenedCheckpoint, openCheckpoint } from './checkpoint.ts'
import { treeHash } from './hash.ts'
import { type PublicKey, type SecretKey, signNote } from './keys.ts'
import { formatNote } from './note.ts'
import { verifyConsistency } from './proof.ts'
import { replaceFileSync } from './replace-file.ts'

export interface WitnessOptions {
  directory: string
  /** Keys of the log that is followed; at least one must have signed. */
  logKeys: readonly PublicKey[]
  keys: readonly SecretKey[]
}

export type WitnessAnswer =
  | { state: 'cosigned'; size: number; note: string; lines: string[] }
  /** `old-size`: the proof begins elsewhere than at what is kept; the size says where. */
  | { state: 'refused'; reason: 'signature' | 'origin' | 'old-size' | 'shrunk' | 'fork'; size: number; cause: string }

export class Witness {
  readonly #options: WitnessOptions
  readonly #clock: Clock

  constructor(options: WitnessOptions, deps: { clock: Clock }) {
    this.#options = options
    this.#clock = deps.clock
    mkdirSync(options.directory, { recursive: true })
  }

  /** The last checkpoint that was cosigned, with the signatures; undefined before the first. */
  last(): { note: string; opened: OpenedCheckpoint } | undefined {
    const path = join(this.#options.directory, 'checkpoint')
    if (!existsSync(path)) return undefined
    const note = readFileSync(path, 'utf8')
    const opened = openCheckpoint(note, this.#options.logKeys)
    if ('problem' in opened) throw new Error(`${path}: ${opened.problem}`)
    return { note, opened }
  }

  /** Signed by a key of the log that is followed. */
  isSigned(note: string): boolean {
    return !('problem' in openCheckpoint(note, this.#options.logKeys))
  }

  /** @param proof from the size `oldSize`, which must be the one that is kept, to the new checkpoint */
  update(note: string, oldSize: number, proof: readonly Uint8Array[]): WitnessAnswer {
    const last = this.last()?.opened
    const size = last?.size ?? 0
    const refused = (reason: 'signature' | 'origin' | 'old-size' | 'shrunk' | 'fork', cause: string): WitnessAnswer => {
      if (reason === 'fork' || reason === 'shrunk') this.#keepEvidence(note, cause)
      return { state: 'refused', reason, size, cause }
    }
    const next = openCheckpoint(note, this.#options.logKeys)
    if ('problem' in next) return refused('signature', next.problem)
    if (last && (last.origin !== next.origin || last.hash !== next.hash))
      return refused('origin', `the log ${next.origin} (${next.hash}) is not ${last.origin} (${last.hash})`)
    if (next.size < size) return refused('shrunk', `the log had ${size} leaves and says that it has ${next.size}`)
    if (oldSize !== size) return refused('old-size', `the proof begins at ${oldSize}, the witness is at ${size}`)
    const hash = treeHash(next.hash)
    const firstRoot = last?.root ?? hash.empty
    const claim = { firstSize: size, firstRoot, secondSize: next.size, secondRoot: next.root, proof }
    if (!verifyConsistency(hash, claim))
      return refused('fork', `what was there at ${size} leaves is not the beginning of what is there at ${next.size}`)
    const nowMs = this.#clock.nowMs()
    const lines = this.#options.keys.map((key) => signNote(key, next.note.text, nowMs))
    const logLines = next.note.signatures
      .filter(({ name, keyId }) => this.#options.logKeys.some((key) => key.name === name && key.keyId === keyId))
      .map(({ line }) => line)
    const cosigned = formatNote(next.note.text, [...logLines, ...lines])
    replaceFileSync(join(this.#options.directory, 'checkpoint'), cosigned)
    return { state: 'cosigned', size: next.size, note: cosigned, lines }
  }

  /** Two signed notes that contradict each other convict the log: they are kept. */
  #keepEvidence(note: string, cause: string): void {
    const line = JSON.stringify({ atMs: this.#clock.nowMs(), cause, note: note.slice(0, 10_000) })
    appendFileSync(join(this.#options.directory, 'refused'), `${line}\n`)
  }
}
