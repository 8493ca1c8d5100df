// XXH64 of a label set, as Prometheus's labels.Hash: limit_ratio() then chooses the same series as there.
import type { Labels } from '#core/sample.ts'
import { sortedNames } from './labels.ts'

const mask = 0xffffffffffffffffn
const p1 = 11400714785074694791n as bigint
const p2 = 14029467366897019727n as bigint
const p3 = 1609587929392839161n as bigint
const p4 = 9650029242287828579n as bigint
const p5 = 2870177450012600261n as bigint

const rotate = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & mask
const round = (acc: bigint, input: bigint): bigint => (rotate((acc + input * p2) & mask, 31n) * p1) & mask
const merge = (acc: bigint, value: bigint): bigint => ((acc ^ round(0n, value)) * p1 + p4) & mask

export function xxhash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  let hash: bigint
  if (bytes.length >= 32) {
    let a = (p1 + p2) & mask
    let b = p2
    let c = 0n
    let d = -p1 & mask
    for (; at + 32 <= bytes.length; at += 32) {
      a = round(a, view.getBigUint64(at, true))
      b = round(b, view.getBigUint64(at + 8, true))
      c = round(c, view.getBigUint64(at + 16, true))
      d = round(d, view.getBigUint64(at + 24, true))
    }
    hash = (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & mask
    for (const lane of [a, b, c, d]) hash = merge(hash, lane)
  } else hash = p5
  hash = (hash + BigInt(bytes.length)) & mask
  for (; at + 8 <= bytes.length; at += 8)
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4) & mask
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * p1) & mask), 23n) * p2 + p3) & mask
    at += 4
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at]!) * p5) & mask), 11n) * p1) & mask
  hash = ((hash ^ (hash >> 33n)) * p2) & mask
  hash = ((hash ^ (hash >> 29n)) * p3) & mask
  return hash ^ (hash >> 32n)
}

/** Where in [0, 1] the hash of the labels lies. */
export function labelsShare(labels: Labels): number {
  const encoder = new TextEncoder()
  const parts: number[] = []
  for (const name of sortedNames(labels))
    parts.push(...encoder.encode(name), 0xff, ...encoder.encode(labels[name]!), 0xff)
  return Number(xxhash64(Uint8Array.from(parts))) / Number(mask)
}
