// A checkpoint (C2SP tlog-checkpoint): origin, size, root, signed as a note. An extension line names the hash when it is
// not SHA-256, so that nobody mistakes one tree for the other.
import { type HashName, hashBytes } from './hash.ts'
import { checkSignature, isCosigner, type PublicKey } from './keys.ts'
import { type Note, parseNote } from './note.ts'

export interface Checkpoint {
  origin: string
  size: number
  root: Buffer
  hash: HashName
}

export function checkpointText({ origin, size, root, hash }: Checkpoint): string {
  const extension = hash === 'sha256' ? '' : `hash ${hash}\n`
  return `${origin}\n${size}\n${root.toString('base64')}\n${extension}`
}

export function readCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', sizeText = '', rootText = '', ...more] = text.split('\n')
  if (origin === '' || !/^(0|[1-9]\d{0,15})$/.test(sizeText) || !text.endsWith('\n')) return undefined
  const root = Buffer.from(rootText, 'base64')
  const size = Number(sizeText)
  if (root.length !== hashBytes || root.toString('base64') !== rootText || !Number.isSafeInteger(size)) return undefined
  const extensions = more.slice(0, -1)
  const named = extensions.find((line) => line.startsWith('hash '))
  if (named !== undefined && named !== 'hash sm3') return undefined
  return { origin, size, root, hash: named ? 'sm3' : 'sha256' }
}

export interface OpenedCheckpoint extends Checkpoint {
  note: Note
  /** Key ids of the log that signed. */
  signedBy: string[]
  cosigned: { name: string; keyId: string; atMs: number }[]
}

/** Lines of keys that are not given are skipped, as the note format wants; a known key with a bad signature is refused. */
export function openCheckpoint(
  source: string,
  logKeys: readonly PublicKey[],
  witnessKeys: readonly PublicKey[] = [],
): OpenedCheckpoint | { problem: string } {
  const note = parseNote(source)
  if (!note) return { problem: 'it is not a signed note' }
  const checkpoint = readCheckpoint(note.text)
  if (!checkpoint) return { problem: 'the text is not a checkpoint' }
  const signedBy: string[] = []
  const cosigned: OpenedCheckpoint['cosigned'] = []
  for (const signature of note.signatures) {
    const key = [...logKeys, ...witnessKeys].find(
      ({ name, keyId }) => name === signature.name && keyId === signature.keyId,
    )
    if (!key) continue
    const atMs = checkSignature(key, note.text, signature)
    if (atMs === undefined) return { problem: `the signature of ${key.name} (key ${key.keyId}) is not good` }
    if (isCosigner(key.kind)) cosigned.push({ name: key.name, keyId: key.keyId, atMs })
    else if (key.name === checkpoint.origin) signedBy.push(key.keyId)
  }
  if (signedBy.length === 0) return { problem: 'no key of the log that was given has signed it' }
  return { ...checkpoint, note, signedBy, cosigned }
}
