// Results of a long evaluation, kept as they come, so that it can be stopped and taken up again: under a name that changes with
// the code that made them and with the options, so that no result of other code is ever taken for this one's.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Kept {
  /** @returns undefined when `make` was not called because `isOver` said so */
  take<T>(name: string, isOver: () => boolean, make: () => T): T | undefined
}

export function keepIn(folder: string, fingerprint: string): Kept {
  const own = join(folder, fingerprint)
  mkdirSync(own, { recursive: true })
  return {
    take: <T>(name: string, isOver: () => boolean, make: () => T): T | undefined => {
      const file = join(own, `${name}.json`)
      if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as T
      if (isOver()) return undefined
      const made = make()
      writeFileSync(`${file}.part`, JSON.stringify(made))
      renameSync(`${file}.part`, file)
      return made
    },
  }
}

/** Of all source and rule files in the folders, tests aside, and of what else decides. */
export function fingerprintOf(folders: readonly string[], options: unknown): string {
  const hash = createHash('sha256').update(JSON.stringify(options))
  for (const folder of folders)
    for (const name of readdirSync(folder).sort())
      if (/\.(ts|yml)$/.test(name) && !name.endsWith('.test.ts'))
        hash.update(name).update(readFileSync(join(folder, name)))
  return hash.digest('hex').slice(0, 16)
}
