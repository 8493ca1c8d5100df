// A file whose writes return when the disk has them. On Linux the file itself says so (O_DSYNC: the data and what is needed
// to find it, as fdatasync): a write and a sync are one call, where two wait for a thread and a turn of the event loop
// each. Elsewhere it means less, or is not known, and a sync follows each write.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

const isSyncedByItself = process.platform === 'linux'
const flag = isSyncedByItself ? constants.O_DSYNC : 0

export function openSynced(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | flag)
}

export function createSynced(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | flag, 0o666)
}

/** On disk when resolved. @throws with code ENOSPC when not all of it could be written */
export async function writeSynced(file: FileHandle, buffers: readonly Uint8Array[], position: number): Promise<void> {
  const { bytesWritten } = await file.writev(buffers, position)
  const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
  if (bytesWritten !== bytes) throw Object.assign(new Error('short write'), { code: 'ENOSPC' })
  if (!isSyncedByItself) await file.datasync()
}
