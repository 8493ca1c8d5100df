// Blocks of the metric store in the shape of Prometheus's /api/v1/status/tsdb/blocks.
import type { BlockInfo } from '#stores/metrics/store.ts'

interface PromBlock {
  ulid: string
  minTime: number
  /** The first ms after the last sample. */
  maxTime: number
  stats: { numSamples: number; numSeries: number }
  compaction: { level: number; sources: string[] }
  version: number
}

/** Chunks are left out, as they may be there: a column of ours is cut otherwise. So is what holds only a place in the log. */
export function promBlocks(blocks: readonly BlockInfo[]): { blocks: PromBlock[] } {
  return {
    blocks: blocks
      .filter(({ samples }) => samples > 0)
      .map(({ number, minMs, maxMs, samples, series, merged }) => ({
        ...{ ulid: ulidOf(number), minTime: minMs, maxTime: maxMs + 1 },
        stats: { numSamples: samples, numSeries: series },
        compaction: {
          level: merged.length === 0 ? 1 : 2,
          sources: (merged.length === 0 ? [number] : merged).map(ulidOf),
        },
        version: 1,
      })),
  }
}

const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ulidChars = 26

/** Our blocks are numbered: the number in the digits of a ULID, whose time is zero. */
function ulidOf(number: number): string {
  let text = ''
  for (let rest = number; rest > 0; rest = Math.floor(rest / digits.length)) text = digits[rest % digits.length]! + text
  return text.padStart(ulidChars, '0')
}
