import { watch } from 'node:fs'

/** Editors write a file in several steps: a change is told when it has been quiet for so long. */
const quietMs = 200

/** Calls `changed` after files in the directory were written, added or removed. @returns the function that ends it. */
export function watchDirectory(directory: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(directory, { persistent: false }, () => {
    clearTimeout(timer)
    timer = setTimeout(changed, quietMs).unref()
  })
  // The directory itself was removed: what is loaded stays in force.
  watcher.on('error', () => watcher.close())
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}
