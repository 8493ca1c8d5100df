// Consumer positions: one small file, replaced as a whole. Saves are coalesced; a crash loses at most the last second,
// and the consumer replays that.
import { open, readFile, rename } from 'node:fs/promises'

export class Positions {
  readonly #path: string
  #saved: Record<string, number> = {}
  #dirty = false
  #writing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(path: string) {
    this.#path = path
  }

  async open(): Promise<void> {
    try {
      this.#saved = JSON.parse(await readFile(this.#path, 'utf8')) as Record<string, number>
    } catch (error) {
      // None yet, or unreadable: consumers start from what their stores say, or from the beginning.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error
    }
    this.#timer = setInterval(() => void this.flush(), 1000)
    this.#timer.unref()
  }

  get(key: string): number | undefined {
    return this.#saved[key]
  }

  entries(): [string, number][] {
    return Object.entries(this.#saved)
  }

  set(key: string, offset: number): void {
    if (this.#saved[key] === offset) return
    this.#saved[key] = offset
    this.#dirty = true
  }

  async flush(): Promise<void> {
    await this.#writing
    if (!this.#dirty) return
    this.#dirty = false
    this.#writing = this.#write().catch(() => {
      // A full disk: the positions stay dirty and are tried again.
      this.#dirty = true
    })
    await this.#writing
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }

  async #write(): Promise<void> {
    const temporary = `${this.#path}.tmp`
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(JSON.stringify(this.#saved))
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#path)
  }
}
