// The ledger checked here, in the browser: signatures of checkpoints, that a leaf is in the tree, that a later tree goes on
// from an earlier one (RFC 9162 sections 2.1.3.2 and 2.1.4.2). Of the server's word nothing is believed but its keys.
import type { LeafProof } from '../types.ts'
import { base64, fromBase64, fromHex, hex, joined } from './bytes.ts'

type Hash = (...parts: Uint8Array[]) => Promise<Uint8Array>

export interface Checkpoint {
  origin: string
  size: number
  root: string
  hash: 'sm3' | 'sha256'
  /** What is signed: everything before the empty line, with its last line break. */
  text: string
  signatures: { name: string; keyId: string; bytes: Uint8Array }[]
}

export function readCheckpoint(note: string): Checkpoint | undefined {
  const at = note.lastIndexOf('\n\n')
  if (at < 0) return undefined
  const text = note.slice(0, at + 1)
  const [origin = '', size = '', root = '', ...more] = text.split('\n')
  const signatures = note
    .slice(at + 2)
    .split('\n')
    .flatMap((line) => {
      const match = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line)
      if (!match) return []
      const bytes = fromBase64(match[2]!)
      return [{ name: match[1]!, keyId: hex(bytes.subarray(0, 4)), bytes: bytes.subarray(4) }]
    })
  if (!/^\d+$/.test(size)) return undefined
  const hash = more.includes('hash sm3') ? 'sm3' : 'sha256'
  return { origin, size: Number(size), root, hash, text, signatures }
}

export type SignatureVerdict = 'good' | 'bad' | 'no-key' | 'cannot'
export interface CheckedSignature {
  name: string
  algorithm: string
  /** When a witness saw it; null for the log's own. */
  atMs: number | null
  verdict: SignatureVerdict
}

const sm2UserId = '1234567812345678'
const kinds = [
  { prefix: Uint8Array.of(1), algorithm: 'Ed25519', cosigner: false },
  { prefix: named('guanlan/sm2-sm3\n'), algorithm: 'SM2', cosigner: false },
  { prefix: Uint8Array.of(4), algorithm: 'Ed25519', cosigner: true },
  { prefix: named('guanlan/sm2-sm3-cosignature\n'), algorithm: 'SM2', cosigner: true },
]

function named(name: string): Uint8Array {
  return joined([Uint8Array.of(0xff), new TextEncoder().encode(name)])
}

/** @param keys as NAME+ID+BASE64 */
export async function checkSignatures(checkpoint: Checkpoint, keys: readonly string[]): Promise<CheckedSignature[]> {
  const known = keys.flatMap((text) => {
    const match = /^(\S+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text)
    const blob = match && fromBase64(match[3]!)
    const kind = blob && kinds.find(({ prefix }) => prefix.every((byte, i) => blob[i] === byte))
    return kind ? [{ name: match[1]!, keyId: match[2]!, kind, bytes: blob.subarray(kind.prefix.length) }] : []
  })
  return Promise.all(
    checkpoint.signatures.map(async ({ name, keyId, bytes }): Promise<CheckedSignature> => {
      const key = known.find((one) => one.name === name && one.keyId === keyId)
      if (!key) return { name, algorithm: '', atMs: null, verdict: 'no-key' }
      const { algorithm, cosigner } = key.kind
      const seconds = cosigner ? Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)) : 0
      const text = cosigner ? `cosignature/v1\ntime ${seconds}\n${checkpoint.text}` : checkpoint.text
      const message = new TextEncoder().encode(text)
      const signature = cosigner ? bytes.subarray(8) : bytes
      const verdict = await (algorithm === 'SM2' ? checkSm2 : checkEd25519)(key.bytes, message, signature)
      return { name, algorithm, atMs: cosigner ? seconds * 1000 : null, verdict }
    }),
  )
}

async function checkSm2(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<SignatureVerdict> {
  const { sm2 } = await import('sm-crypto-v2')
  const good = sm2.doVerifySignature(message, hex(signature), hex(key), { hash: true, userId: sm2UserId })
  return good ? 'good' : 'bad'
}

async function checkEd25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<SignatureVerdict> {
  try {
    const imported = await crypto.subtle.importKey('raw', key as BufferSource, 'Ed25519', false, ['verify'])
    const good = await crypto.subtle.verify('Ed25519', imported, signature as BufferSource, message as BufferSource)
    return good ? 'good' : 'bad'
  } catch {
    // Older browsers have no Ed25519, and none offers it where the page did not come safely.
    return 'cannot'
  }
}

/** The leaf's bytes lead over the proof to the root of the checkpoint. */
export async function checkInclusion(proof: LeafProof): Promise<boolean> {
  const checkpoint = readCheckpoint(proof.checkpoint)
  if (!checkpoint || checkpoint.size !== proof.size || checkpoint.root !== proof.root) return false
  const hash = await hashOf(checkpoint.hash)
  const { hash: recordHash, id, kind, knownMs, version } = proof.leaf
  const bytes = new TextEncoder().encode(JSON.stringify({ hash: recordHash, id, kind, knownMs, version }))
  let result = await hash(Uint8Array.of(0), bytes)
  let [node, last] = [proof.index, proof.size - 1]
  if (node > last) return false
  for (const text of proof.proof) {
    if (last === 0) return false
    const sibling = fromBase64(text)
    if (node % 2 === 1 || node === last) {
      result = await hash(Uint8Array.of(1), sibling, result)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else result = await hash(Uint8Array.of(1), result, sibling)
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && base64(result) === checkpoint.root
}

/** The later checkpoint goes on from the earlier one. */
export async function checkConsistency(
  first: Pick<Checkpoint, 'size' | 'root'>,
  second: Checkpoint,
  proof: readonly string[],
): Promise<boolean> {
  if (first.size > second.size) return false
  if (first.size === second.size) return proof.length === 0 && first.root === second.root
  if (first.size === 0) return proof.length === 0
  const hash = await hashOf(second.hash)
  const steps = proof.map(fromBase64)
  if (Number.isInteger(Math.log2(first.size))) steps.unshift(fromBase64(first.root))
  const [begin, ...rest] = steps
  if (!begin || proof.length === 0) return false
  let [node, last] = [first.size - 1, second.size - 1]
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  let [older, newer] = [begin, begin]
  for (const step of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      older = await hash(Uint8Array.of(1), step, older)
      newer = await hash(Uint8Array.of(1), step, newer)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else newer = await hash(Uint8Array.of(1), newer, step)
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && base64(older) === first.root && base64(newer) === second.root
}

async function hashOf(name: 'sm3' | 'sha256'): Promise<Hash> {
  if (name === 'sha256')
    return async (...parts) => new Uint8Array(await crypto.subtle.digest('SHA-256', joined(parts) as BufferSource))
  const { sm3 } = await import('sm-crypto-v2')
  return async (...parts) => fromHex(sm3(joined(parts)))
}

const half = (n: number): number => Math.floor(n / 2)
