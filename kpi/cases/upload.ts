// A file that somebody sent, on disk for as long as it is read: the readers of rows work on files.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { inputError } from './rows.ts'

export interface Upload {
  /** CSV or JSON as text, Excel as Base64. */
  content: string
  format: 'csv' | 'json' | 'xlsx'
  /** CSV and JSON are Base64 as well: the bytes of a file in GB18030, Big5 or UTF-16 as they are. */
  base64?: boolean
}

/** @throws CodedError `kpi.input` */
export async function withUpload<T>(
  { content, format, base64 = format === 'xlsx' }: Upload,
  work: (file: string) => Promise<T>,
): Promise<T> {
  // Whatever made text of it put this for bytes it did not know: what they were is lost.
  if (!base64 && content.includes('\uFFFD'))
    throw inputError(
      'the file',
      0,
      'signs of it were lost on the way (U+FFFD): it was not UTF-8',
      'Send its bytes as Base64: `base64: true`.',
    )
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-import-'))
  try {
    const file = join(directory, `upload.${format}`)
    await writeFile(file, content, base64 || format === 'xlsx' ? 'base64' : 'utf8')
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
