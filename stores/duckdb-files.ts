// What every file that DuckDB writes for us needs: its name in SQL, and its way to the disk.
import { open } from 'node:fs/promises'

/** A text in SQL. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Of a file its content, of a directory its names. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
