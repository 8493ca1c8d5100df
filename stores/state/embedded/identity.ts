// PostgreSQL refuses to run as root. Under root it runs as the user `postgres`, which is made when missing; where that
// user cannot reach the files (a checkout below /root), in a user namespace in which root's files belong to a common user.
import { execFile } from 'node:child_process'
import { access, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { CodedError } from '#core/errors.ts'

const run = promisify(execFile)

export interface Identity {
  /** Given to `spawn`. */
  uid?: number
  gid?: number
  /** Put before the command. */
  prefix: string[]
}

const namespacePrefix = ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--']

/** @param paths what PostgreSQL must reach: its programs and the parent of its data */
export async function chooseIdentity(paths: readonly string[]): Promise<Identity> {
  if (process.getuid?.() !== 0) return { prefix: [] }
  const user = (await lookUp('postgres')) ?? (await makeUser())
  if (user && (await canReach(user, paths))) return { ...user, prefix: [] }
  if (await succeeds([...namespacePrefix, 'test', '-x', paths[0]!])) return { prefix: namespacePrefix }
  throw new CodedError('store.unavailable', {
    store: 'state',
    cause: `the user postgres may not read ${paths.join(' and ')}; put the project where other users may read, or run it as a common user`,
  })
}

async function lookUp(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n')
  const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':')
  return fields ? { uid: Number(fields[2]), gid: Number(fields[3]) } : undefined
}

async function makeUser(): Promise<{ uid: number; gid: number } | undefined> {
  await run('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'postgres',
  ]).catch(() => {})
  return lookUp('postgres')
}

async function canReach(user: { uid: number; gid: number }, paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    await access(path)
    try {
      await run('/usr/bin/test', ['-x', path], { ...user, cwd: '/' })
    } catch {
      return false
    }
  }
  return true
}

async function succeeds(command: string[]): Promise<boolean> {
  try {
    await run(command[0]!, command.slice(1), { cwd: '/' })
    return true
  } catch {
    return false
  }
}
