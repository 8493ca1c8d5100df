// Small files beside the blocks: the position that outlives them, and a snapshot's links.
import { copyFile, link, mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { CodedError } from '#core/errors.ts'

const positionFile = 'position.json'

export async function readSavedPosition(directory: string): Promise<number> {
  try {
    const { nextOffset } = JSON.parse(await readFile(join(directory, positionFile), 'utf8')) as { nextOffset: number }
    return nextOffset
  } catch {
    // None, or torn by a crash: the blocks know theirs.
    return 0
  }
}

/** On disk when resolved. */
export async function savePosition(directory: string, nextOffset: number): Promise<void> {
  const path = join(directory, positionFile)
  const file = await open(`${path}.tmp`, 'w')
  try {
    await file.writeFile(JSON.stringify({ nextOffset }))
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.tmp`, path)
}

/** Blocks never change, so a second name for the same file is a copy; across file systems it is copied. */
export async function linkFiles(blocks: readonly string[], tombstones: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  if ((await readdir(directory)).length > 0) throw new CodedError('restore.not-empty', { what: directory })
  for (const path of blocks) {
    const target = join(directory, basename(path))
    await link(path, target).catch(() => copyFile(path, target))
  }
  await copyFile(tombstones, join(directory, basename(tombstones))).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  const folder = await open(directory)
  await folder.sync().finally(() => folder.close())
}
