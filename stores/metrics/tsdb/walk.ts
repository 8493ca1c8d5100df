// Every series of blocks and heads side by side, in the order of label bytes, a frame of entries of each block at a time:
// what a block of a million series says of them all does not fit into memory well.
import type { Block, BlockSeries } from './block.ts'
import type { Group, Part } from './merge-series.ts'
import type { Sources } from './read.ts'

export const seriesPerBatch = 512

interface Cursor {
  /** Of the series it stands at; undefined behind the last. */
  bytes: Uint8Array | undefined
  part(): Part
  /** To the next series; a promise when it must be read first. */
  next(): Promise<void> | undefined
}

/** Parts in the order of the sources: blocks, then heads. */
export async function* walkGroups({ blocks, heads, tombstones }: Sources): AsyncGenerator<Group[]> {
  const cursors: Cursor[] = []
  for (const block of blocks) cursors.push(await blockCursor(block, await tombstones.of(block)))
  for (const head of heads) {
    const { index } = head.series
    const series = head.activeIn(await index.selectSorted([], { inHurry: false }))
    cursors.push(listCursor(series, (one) => index.labelBytes(one), { head, block: undefined }))
  }
  let batch: Group[] = []
  const holders: Cursor[] = []
  for (;;) {
    let least: Uint8Array | undefined
    holders.length = 0
    for (const cursor of cursors) {
      if (!cursor.bytes) continue
      const order = least ? Buffer.compare(cursor.bytes, least) : -1
      if (order > 0) continue
      if (order < 0) holders.length = 0
      least = cursor.bytes
      holders.push(cursor)
    }
    if (!least) break
    batch.push({ bytes: least, parts: holders.map((cursor) => cursor.part()) })
    for (const cursor of holders) await cursor.next()
    if (batch.length < seriesPerBatch) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

async function blockCursor(
  block: Block,
  hidden: ((series: number) => { fromMs: number; toMs: number }[]) | undefined,
): Promise<Cursor> {
  const source = { block, head: undefined, hidden }
  let entries: BlockSeries[] = []
  let frame = -1
  let at = 0
  let series = -1
  const load = async (): Promise<void> => {
    while (at === entries.length && frame + 1 < block.entryFrames) {
      entries = await block.frameEntries(++frame)
      at = 0
    }
    cursor.bytes = entries[at]?.labels
  }
  const cursor: Cursor = {
    bytes: undefined,
    part: () => ({ source, series, entry: entries[at]! }),
    next: () => {
      series++
      if (++at === entries.length) return load()
      cursor.bytes = entries[at]!.labels
      return undefined
    },
  }
  series++
  await load()
  return cursor
}

function listCursor(series: Uint32Array, bytesOf: (series: number) => Uint8Array, source: Part['source']): Cursor {
  let at = 0
  const bytesAt = (): Uint8Array | undefined => (at < series.length ? bytesOf(series[at]!) : undefined)
  const cursor: Cursor = {
    bytes: bytesAt(),
    part: () => ({ source, series: series[at]!, entry: undefined }),
    next: () => {
      at++
      cursor.bytes = bytesAt()
      return undefined
    },
  }
  return cursor
}
