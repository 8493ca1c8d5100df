// What witnesses signed of this ledger: fetched, checked, kept. A line per cosigned checkpoint, on disk before it counts.
import { closeSync, existsSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { formatAddCheckpoint } from './add-checkpoint.ts'
import { openCheckpoint } from './checkpoint.ts'
import { type PublicKey, parseKey } from './keys.ts'
import type { Ledger } from './ledger.ts'
import { formatNote, parseNote } from './note.ts'

const lineSchema = z.object({
  witness: z.string(),
  size: z.int(),
  root: z.string(),
  atMs: z.number(),
  note: z.string(),
})
export type Cosignature = z.output<typeof lineSchema>

/** One request to a witness: status and body of its answer. */
export type PostCheckpoint = (body: string) => Promise<{ status: number; body: string }>

export type CosignResult =
  | { state: 'cosigned'; cosignature: Cosignature }
  /** `refused`: it says that this ledger does not continue what it saw. That is an accusation, not a failure. */
  | { state: 'refused' | 'failed'; cause: string }

export class Cosignatures {
  readonly #file: number
  readonly #latest = new Map<string, Cosignature>()
  readonly #ledger: Ledger

  constructor(directory: string, ledger: Ledger) {
    mkdirSync(directory, { recursive: true })
    const path = join(directory, 'cosignatures.ndjson')
    this.#ledger = ledger
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    for (const line of text.split('\n')) {
      // The last line may be cut by a crash: it was not counted yet.
      const parsed = lineSchema.safeParse(safeJson(line))
      if (parsed.success) this.#latest.set(parsed.data.witness, parsed.data)
    }
    this.#file = openSync(path, 'a', 0o644)
    if (text !== '' && !text.endsWith('\n')) writeSync(this.#file, '\n')
  }

  latest(witness: string): Cosignature | undefined {
    return this.#latest.get(witness)
  }

  /** The newest checkpoint that a witness signed, with the lines of all that signed the same. */
  newest(): string | undefined {
    const all = [...this.#latest.values()].sort((a, b) => b.size - a.size)
    const [first] = all
    if (!first) return undefined
    const { text } = parseNote(first.note)!
    const same = all.map(({ note }) => parseNote(note)!).filter((note) => note.text === text)
    return formatNote(text, [...new Set(same.flatMap(({ signatures }) => signatures.map(({ line }) => line)))])
  }

  /** Asks for a cosignature of the newest checkpoint; what it is asked first may be where it stands. */
  async ask(witness: string, keys: readonly PublicKey[], post: PostCheckpoint): Promise<CosignResult> {
    const note = this.#ledger.checkpoint()
    const logKeys = this.#ledger.publicKeys.flatMap((key) => parseKey(key) ?? [])
    const opened = openCheckpoint(note, logKeys)
    if ('problem' in opened) return { state: 'failed', cause: opened.problem }
    let oldSize = Math.min(this.latest(witness)?.size ?? 0, opened.size)
    for (let attempt = 0; attempt < 2; attempt++) {
      const proof = oldSize === 0 ? [] : this.#ledger.consistency(oldSize, opened.size)
      const { status, body } = await post(formatAddCheckpoint({ oldSize, proof, note }))
      if (status === 200) return this.#keep(witness, keys, logKeys, note, body)
      const theirs = /^(0|[1-9]\d{0,15})\n$/.exec(body)?.[1]
      if (status === 409 && theirs !== undefined) {
        const size = Number(theirs)
        if (size > opened.size)
          return { state: 'refused', cause: `it saw ${size} leaves, and there are ${opened.size}` }
        if (size === oldSize) return { state: 'refused', cause: `it saw another root at ${size} leaves` }
        oldSize = size
        continue
      }
      if (status === 422)
        return { state: 'refused', cause: `what it saw at ${oldSize} leaves is not the beginning of this` }
      return { state: 'failed', cause: `status ${status}: ${body.split('\n')[0]!.slice(0, 200)}` }
    }
    return { state: 'failed', cause: 'it names another size each time' }
  }

  #keep(
    witness: string,
    keys: readonly PublicKey[],
    logKeys: readonly PublicKey[],
    note: string,
    lines: string,
  ): CosignResult {
    const opened = openCheckpoint(`${note}${lines.endsWith('\n') ? lines : `${lines}\n`}`, logKeys, keys)
    if ('problem' in opened) return { state: 'failed', cause: opened.problem }
    if (opened.cosigned.length === 0) return { state: 'failed', cause: 'none of its keys has signed' }
    const known = [...logKeys, ...keys]
    // Lines of keys that nobody knows here are not passed on.
    const kept = opened.note.signatures.filter(({ name, keyId }) =>
      known.some((key) => key.name === name && key.keyId === keyId),
    )
    const cosignature: Cosignature = {
      ...{ witness, size: opened.size, root: opened.root.toString('base64') },
      atMs: Math.max(...opened.cosigned.map(({ atMs }) => atMs)),
      note: formatNote(
        opened.note.text,
        kept.map(({ line }) => line),
      ),
    }
    writeSync(this.#file, `${JSON.stringify(cosignature)}\n`)
    fdatasyncSync(this.#file)
    this.#latest.set(witness, cosignature)
    return { state: 'cosigned', cosignature }
  }

  close(): void {
    closeSync(this.#file)
  }
}

function safeJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
