// By default V8 marks its whole heap whenever 64 MiB of buffers and typed arrays have been made, however large the heap
// and however few of them are left. With a million labels in it that is a pause of 200 ms, several a second while series
// are made or batches pass through. Counted with the heap, buffers wait until that has grown.
import { setFlagsFromString } from 'node:v8'

/** Before much is in memory; threads that are started afterwards do the same. */
export function collectByHeap(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
}
