// Which blocks to join next: neighbours of a like span, four or more at a time, so that a sample is written anew some
// three times on its way to a block of a day.
import type { Block } from './block.ts'

const leastBlocks = 4
const minute = 60_000
/** Blocks below the same bound are of a like span. */
const tiersMs = [10 * minute, 40 * minute, 150 * minute, 9 * 60 * minute]

type Planned = Pick<Block, 'meta'>

/** @param blocks in the order of their data. @returns neighbours, or nothing to do. */
export function pickMerge<B extends Planned>(blocks: readonly B[], spanMsMax: number): B[] {
  for (const tier of tiersMs) {
    let run: B[] = []
    for (const block of [...blocks, undefined]) {
      const fits = block && spanOf([block]) <= tier && spanOf([...run, block]) <= spanMsMax
      if (fits) run.push(block)
      // A run that is long enough, or that cannot grow any more because the limit is reached.
      else if (run.length >= leastBlocks) return run
      else run = block && spanOf([block]) <= tier ? [block] : []
      if (run.length >= leastBlocks * 2) return run
    }
  }
  return []
}

function spanOf(blocks: readonly Planned[]): number {
  return Math.max(...blocks.map(({ meta }) => meta.maxMs)) - Math.min(...blocks.map(({ meta }) => meta.minMs))
}
