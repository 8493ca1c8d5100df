// A large state written line by line: the process goes on receiving meanwhile, and the file is the old one or the new one.
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

const chunkChars = 256 * 1024

/** Whoever calls it sees to it that what the lines are made of does not change before it resolves. */
export async function replaceFileByLines(path: string, head: string, lines: Iterable<string>): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(`${path}.tmp`, 'w')
  try {
    let chunk = head
    for (const line of lines) {
      chunk += `\n${line}`
      if (chunk.length < chunkChars) continue
      await file.appendFile(chunk)
      chunk = ''
    }
    await file.appendFile(chunk)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.tmp`, path)
}
