// The font of printed Chinese: Noto Sans SC (SIL Open Font License 1.1), as files that are embedded in part.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { CodedError } from '#core/errors.ts'

const fontPackage = '@expo-google-fonts/noto-sans-sc'

export interface FontFiles {
  normal: string
  bold: string
}

/** @throws CodedError `not-found` */
export function fontFiles(): FontFiles {
  let directory: string
  try {
    directory = dirname(createRequire(import.meta.url).resolve(`${fontPackage}/package.json`))
  } catch {
    throw new CodedError('not-found', { what: `The font for Chinese (npm install ${fontPackage})` })
  }
  const files = {
    normal: join(directory, '400Regular/NotoSansSC_400Regular.ttf'),
    bold: join(directory, '700Bold/NotoSansSC_700Bold.ttf'),
  }
  for (const file of Object.values(files))
    if (!existsSync(file)) throw new CodedError('not-found', { what: `The font file ${file}` })
  return files
}
