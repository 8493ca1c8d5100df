// Values are compared without being kept: by a keyed hash of the value in its plainest form. Who has only the hashes
// learns nothing; who has the key too could try all numbers there are, so the key never leaves the data directory.
import { createKeyedHash } from './keyed-hash.ts'

export type ValueHash = (value: string) => string

/** 64 bits: among a billion values, one pair in forty would share a hash. */
const hashBytes = 8
const valueCharsMax = 512

export function createValueHash(key: Uint8Array): ValueHash {
  const digest = createKeyedHash(key)
  return (value) => digest(plainValue(value)).toString('base64url', 0, hashBytes)
}

/** One form for every way of writing: full width, groups, country code, upper and lower case. */
export function plainValue(value: string): string {
  const text = value.slice(0, valueCharsMax).normalize('NFKC').toUpperCase().replace('%40', '@')
  if (text.includes('@')) return text.trim()
  const bare = text.replaceAll(/[\s\-.·]/g, '')
  return /^\+?861\d{10}$/.test(bare) ? bare.slice(-11) : bare
}
