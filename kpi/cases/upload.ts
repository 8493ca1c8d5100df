// A file that somebody sent, on disk for as long as it is read: the readers of rows work on files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CodedError } from '#core/errors.ts'

export interface Upload {
  /** CSV or JSON as text, Excel as Base64. */
  content: string
  format: 'csv' | 'json' | 'xlsx'
}

/** @throws CodedError `kpi.input` */
export async function withUpload<T>({ content, format }: Upload, work: (file: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-import-'))
  try {
    const file = join(directory, `upload.${format}`)
    await writeFile(file, content, format === 'xlsx' ? 'base64' : 'utf8')
    return await work(file)
  } catch (error) {
    // The place on our disk is nobody's business.
    if (error instanceof CodedError && error.code === 'kpi.input')
      throw new CodedError('kpi.input', { ...error.values, file: 'the file' })
    throw error
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
