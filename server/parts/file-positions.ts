// Where collectors were: one small JSON file per collector, replaced as a whole.
import { readFileSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { PositionStore } from '#core/collector.ts'
import type { Logger } from '#core/logger.ts'

const entriesSchema = z.record(z.string(), z.string())
const saveAfterMs = 1000

export interface FilePositions extends PositionStore {
  close(): Promise<void>
}

export function openPositions(path: string, logger: Logger): FilePositions {
  const entries = new Map<string, string>(readEntries(path, logger))
  let dirty = false
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  const save = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    if (!dirty) return writing
    dirty = false
    const text = JSON.stringify(Object.fromEntries(entries))
    const mine = writing.catch(() => {}).then(() => replaceFile(path, text))
    writing = mine
    mine.catch(() => {
      dirty = true
    })
    return mine
  }
  const change = (): void => {
    dirty = true
    timer ??= setTimeout(() => {
      save().catch((error: unknown) => logger.warn({ err: error, path }, 'positions could not be saved'))
    }, saveAfterMs).unref()
  }
  return {
    get: (key) => entries.get(key),
    keys: () => [...entries.keys()],
    set: (key, value) => {
      if (entries.get(key) === value) return
      entries.set(key, value)
      change()
    },
    delete: (key) => {
      if (entries.delete(key)) change()
    },
    flush: save,
    close: save,
  }
}

/** Atomic: the old text or the new one, never a part. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(`${path}.tmp`, 'w')
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.tmp`, path)
}

function readEntries(path: string, logger: Logger): [string, string][] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  try {
    return Object.entries(entriesSchema.parse(JSON.parse(text)))
  } catch (error) {
    logger.error({ err: error, path }, 'positions cannot be read; sources are read from where they begin by default')
    return []
  }
}
