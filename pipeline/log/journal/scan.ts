// Reads a segment from front to back and says where each record is, and what cannot be read any more.
import { readFile } from 'node:fs/promises'
import { decodeRecord, headerBytes, recordMagic } from './record.ts'

export const segmentMagic = Buffer.from('GLLOG001')
export const segmentHeaderBytes = 16

export interface Damage {
  /** Byte range that is no record. */
  start: number
  end: number
  /** Offsets lost, inclusive; empty when `to < from`. */
  from: number
  to: number
}

export interface Scan {
  offsets: number[]
  positions: number[]
  /** Position after the last whole record. */
  end: number
  size: number
  records: number
  events: number
  nextOffset: number
  damage: Damage[]
}

/** @param lastOffset of the segment when known (from the next one's name): what is missing before it was lost. */
export async function scanSegment(path: string, firstOffset: number, lastOffset?: number): Promise<Scan> {
  const bytes = await readFile(path)
  const scan: Scan = {
    offsets: [],
    positions: [],
    end: Math.min(segmentHeaderBytes, bytes.length),
    size: bytes.length,
    records: 0,
    events: 0,
    nextOffset: firstOffset,
    damage: [],
  }
  let at = segmentHeaderBytes
  while (at < bytes.length) {
    const located = decodeRecord(bytes, at)
    if (typeof located !== 'string' && located.record.offset >= scan.nextOffset) {
      if (located.record.offset > scan.nextOffset)
        scan.damage.push({ start: at, end: at, from: scan.nextOffset, to: located.record.offset - 1 })
      scan.offsets.push(located.record.offset)
      scan.positions.push(at)
      scan.records++
      scan.events += located.record.count
      scan.nextOffset = located.record.offset + 1
      at = located.end
      scan.end = at
      continue
    }
    const resumed = nextRecord(bytes, at + 1, scan.nextOffset)
    if (resumed === undefined) {
      scan.damage.push({ start: at, end: bytes.length, from: scan.nextOffset, to: lastOffset ?? scan.nextOffset - 1 })
      if (lastOffset !== undefined) scan.nextOffset = lastOffset + 1
      return scan
    }
    scan.damage.push({ start: at, end: resumed.at, from: scan.nextOffset, to: resumed.offset - 1 })
    scan.nextOffset = resumed.offset
    at = resumed.at
  }
  if (lastOffset !== undefined && scan.nextOffset <= lastOffset) {
    scan.damage.push({ start: bytes.length, end: bytes.length, from: scan.nextOffset, to: lastOffset })
    scan.nextOffset = lastOffset + 1
  }
  return scan
}

function nextRecord(bytes: Buffer, from: number, offsetMin: number): { at: number; offset: number } | undefined {
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(recordMagic)
  for (
    let at = bytes.indexOf(magic, from);
    at !== -1 && at + headerBytes <= bytes.length;
    at = bytes.indexOf(magic, at + 1)
  ) {
    const located = decodeRecord(bytes, at)
    if (typeof located !== 'string' && located.record.offset >= offsetMin) return { at, offset: located.record.offset }
  }
  return undefined
}
