// Secret keys on disk: readable by the owner alone, made once.
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { type KeyKind, makeKeys, type SecretKey, secretKeysSchema } from './keys.ts'
import { replaceFileSync } from './replace-file.ts'

export function loadKeys(path: string): SecretKey[] {
  if ((statSync(path).mode & 0o077) !== 0)
    throw new CodedError('ledger.key', { path, cause: 'others than its owner can read it' })
  const parsed = secretKeysSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')))
  if (!parsed.success) throw new CodedError('ledger.key', { path, cause: 'it is not a file of keys' })
  return parsed.data.keys
}

export function loadOrMakeKeys(path: string, name: string, kinds: readonly KeyKind[]): SecretKey[] {
  if (existsSync(path)) return loadKeys(path)
  mkdirSync(dirname(path), { recursive: true })
  const keys = makeKeys(name, kinds)
  replaceFileSync(path, `${JSON.stringify({ keys }, null, 2)}\n`, 0o600)
  return keys
}
