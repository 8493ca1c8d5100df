// A raw record checked against the ledger here, in the browser: nothing of the server's word is taken but the checkpoint.
// Loaded when somebody asks; SM3 is not part of the browser.
import type { LeafProof } from '../types.ts'
import { base64, fromBase64, fromHex, joined } from './bytes.ts'

export interface Verdict {
  /** SM3 of the record's canonical JSON is what the leaf says. */
  record: boolean
  /** The leaf's bytes hash to the leaf of the proof. */
  leaf: boolean
  /** The proof leads from the leaf to the root (RFC 9162 section 2.1.3.2). */
  path: boolean
  /** The root is the one of the checkpoint. */
  checkpoint: boolean
}

export async function verifyRecord(record: Record<string, unknown>, proof: LeafProof): Promise<Verdict> {
  const { sm3 } = await import('sm-crypto-v2')
  const hash = (...parts: Uint8Array[]): Uint8Array => fromHex(sm3(joined(parts)))
  const { hash: recordHash, id, kind, knownMs, version } = proof.leaf
  const leafBytes = new TextEncoder().encode(JSON.stringify({ hash: recordHash, id, kind, knownMs, version }))
  const leafHash = hash(Uint8Array.of(0), leafBytes)
  const [origin = '', size = '', root = ''] = proof.checkpoint.split('\n')
  return {
    record: sm3(new TextEncoder().encode(canonicalJson(record))) === recordHash,
    leaf: base64(leafHash) === proof.leafHash,
    path: base64(rootFrom(leafHash, proof, hash) ?? new Uint8Array()) === proof.root,
    checkpoint: origin !== '' && Number(size) === proof.size && root === proof.root,
  }
}

export function holds(verdict: Verdict): boolean {
  return Object.values(verdict).every(Boolean)
}

/** SM3 of canonical JSON, hex. */
export async function recordHash(value: unknown): Promise<string> {
  const { sm3 } = await import('sm-crypto-v2')
  return sm3(new TextEncoder().encode(canonicalJson(value)))
}

function rootFrom(
  leaf: Uint8Array,
  { index, size, proof }: LeafProof,
  hash: (...parts: Uint8Array[]) => Uint8Array,
): Uint8Array | undefined {
  if (index >= size) return undefined
  let [node, last] = [index, size - 1]
  let result = leaf
  for (const text of proof) {
    if (last === 0) return undefined
    const sibling = fromBase64(text)
    if (node % 2 === 1 || node === last) {
      result = hash(Uint8Array.of(1), sibling, result)
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2)
        last = Math.floor(last / 2)
      }
    } else result = hash(Uint8Array.of(1), result, sibling)
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 ? result : undefined
}

/** Keys sorted, no white space (RFC 8785 for what records hold). */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object')
    return JSON.stringify(typeof value === 'string' ? value.toWellFormed() : value)
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one ?? null)).join(',')}]`
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`).join(',')}}`
}
