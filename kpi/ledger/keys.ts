// Keys of notes. Four kinds of signature: Ed25519 and SM2 of the log, Ed25519 (C2SP cosignature/v1) and SM2 of a witness.
// C2SP leaves algorithm 0xff to names of one's own; SM2 uses that, so that others skip those lines instead of erring.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign as edSign,
  verify as edVerify,
  generateKeyPairSync,
} from 'node:crypto'
import { sm2 } from 'sm-crypto-v2'
import { z } from 'zod'
import { type NoteSignature, signatureLine } from './note.ts'

export const keyKinds = ['ed25519', 'sm2', 'cosign-ed25519', 'cosign-sm2'] as const
export type KeyKind = (typeof keyKinds)[number]

const prefixes: Record<KeyKind, Buffer> = {
  ed25519: Buffer.of(1),
  sm2: Buffer.concat([Buffer.of(0xff), Buffer.from('guanlan/sm2-sm3\n')]),
  'cosign-ed25519': Buffer.of(4),
  'cosign-sm2': Buffer.concat([Buffer.of(0xff), Buffer.from('guanlan/sm2-sm3-cosignature\n')]),
}
const publicBytes = { ed25519: 32, sm2: 65 } as const
/** The default of GB/T 32918; other libraries verify with it. */
const sm2UserId = '1234567812345678'
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface PublicKey {
  name: string
  kind: KeyKind
  bytes: Buffer
  keyId: string
}

const secretSchema = z.strictObject({
  kind: z.enum(keyKinds),
  name: z.string(),
  secret: z.string().regex(/^[0-9a-f]{64}$/),
})
export type SecretKey = z.output<typeof secretSchema>
export const secretKeysSchema = z.strictObject({ keys: z.array(secretSchema).min(1).max(16) })

const isSm2 = (kind: KeyKind): boolean => kind.endsWith('sm2')
export const isCosigner = (kind: KeyKind): boolean => kind.startsWith('cosign-')

function publicKey(name: string, kind: KeyKind, bytes: Buffer): PublicKey {
  const keyId = createHash('sha256').update(`${name}\n`).update(prefixes[kind]).update(bytes).digest('hex').slice(0, 8)
  return { name, kind, bytes, keyId }
}

export function makeKeys(name: string, kinds: readonly KeyKind[]): SecretKey[] {
  if (!/^[^\s+]{1,200}$/u.test(name)) throw new RangeError('a name of a key has no blanks and no plus sign')
  return kinds.map((kind) => {
    if (isSm2(kind)) return { kind, name, secret: sm2.generateKeyPairHex().privateKey.padStart(64, '0') }
    const { privateKey } = generateKeyPairSync('ed25519')
    return { kind, name, secret: privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32).toString('hex') }
  })
}

const edSecret = (secret: string) =>
  createPrivateKey({ key: Buffer.concat([pkcs8Prefix, Buffer.from(secret, 'hex')]), format: 'der', type: 'pkcs8' })

export function publicOf({ kind, name, secret }: SecretKey): PublicKey {
  const bytes = isSm2(kind)
    ? Buffer.from(sm2.getPublicKeyFromPrivateKey(secret), 'hex')
    : createPublicKey(edSecret(secret)).export({ type: 'spki', format: 'der' }).subarray(-32)
  return publicKey(name, kind, bytes)
}

/** One line that can be handed to others: name+id+base64(algorithm, key). */
export function formatKey({ name, kind, bytes, keyId }: PublicKey): string {
  return `${name}+${keyId}+${Buffer.concat([prefixes[kind], bytes]).toString('base64')}`
}

/** @returns undefined when it is none of the four kinds, or its id does not fit */
export function parseKey(text: string): PublicKey | undefined {
  const match = /^(?<name>[^\s+]+)\+(?<id>[0-9a-f]{8})\+(?<blob>[A-Za-z0-9+/]+={0,2})$/u.exec(text.trim())
  if (!match) return undefined
  const blob = Buffer.from(match.groups!['blob']!, 'base64')
  for (const kind of keyKinds) {
    const prefix = prefixes[kind]
    const length = publicBytes[isSm2(kind) ? 'sm2' : 'ed25519']
    if (blob.length !== prefix.length + length || !blob.subarray(0, prefix.length).equals(prefix)) continue
    const key = publicKey(match.groups!['name']!, kind, blob.subarray(prefix.length))
    return key.keyId === match.groups!['id'] ? key : undefined
  }
  return undefined
}

/** What a witness signs: the text and when it saw it. */
const cosigned = (text: string, atSeconds: number): string => `cosignature/v1\ntime ${atSeconds}\n${text}`

export function signNote(key: SecretKey, text: string, atMs: number): string {
  const seconds = Math.floor(atMs / 1000)
  const message = Buffer.from(isCosigner(key.kind) ? cosigned(text, seconds) : text)
  const { name, keyId, bytes } = publicOf(key)
  const signature = isSm2(key.kind)
    ? Buffer.from(
        sm2.doSignature(message, key.secret, { hash: true, publicKey: bytes.toString('hex'), userId: sm2UserId }),
        'hex',
      )
    : edSign(null, message, edSecret(key.secret))
  if (!isCosigner(key.kind)) return signatureLine(name, keyId, signature)
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(seconds))
  return signatureLine(name, keyId, Buffer.concat([time, signature]))
}

/** @returns when a cosigner saw it in ms (0 for the log's own signature); undefined when the signature is not good */
export function checkSignature(key: PublicKey, text: string, signature: NoteSignature): number | undefined {
  if (signature.name !== key.name || signature.keyId !== key.keyId) return undefined
  const cosigner = isCosigner(key.kind)
  if (signature.bytes.length !== (cosigner ? 72 : 64)) return undefined
  const seconds = cosigner ? Number(signature.bytes.readBigUInt64BE()) : 0
  const message = Buffer.from(cosigner ? cosigned(text, seconds) : text)
  const bytes = cosigner ? signature.bytes.subarray(8) : signature.bytes
  return verifies(key, message, bytes) ? seconds * 1000 : undefined
}

function verifies(key: PublicKey, message: Buffer, signature: Buffer): boolean {
  try {
    if (isSm2(key.kind))
      return sm2.doVerifySignature(message, signature.toString('hex'), key.bytes.toString('hex'), {
        hash: true,
        userId: sm2UserId,
      })
    const spki = createPublicKey({ key: Buffer.concat([spkiPrefix, key.bytes]), format: 'der', type: 'spki' })
    return edVerify(null, message, spki, signature)
  } catch {
    // Numbers that are no point of the curve.
    return false
  }
}
