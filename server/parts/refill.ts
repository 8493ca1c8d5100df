// Events whose file was damaged come back from the log, as far as it still reaches.
import type { Logger } from '#core/logger.ts'
import type { LogReader } from '#pipeline/log/log.ts'
import type { ThreadedEvents } from '#stores/events/duckdb/thread.ts'

const bytesPerPart = 16 * 1024 * 1024

export async function refillLost(events: ThreadedEvents, log: LogReader, logger: Logger): Promise<void> {
  for (const range of events.lost()) {
    const { first } = log.bounds('events')
    let offset = Math.max(range.fromOffset, first)
    let restored = 0
    while (offset < range.nextOffset) {
      const records = (await log.read('events', offset, { bytesMax: bytesPerPart, waitMs: 0 })).filter(
        (record) => record.offset < range.nextOffset,
      )
      const last = records.at(-1)
      if (!last) break
      const payloads = records.map(({ payload }) => payload)
      await events.refillRecords(payloads, records[0]!.offset, last.offset + 1)
      restored += records.reduce((sum, { count }) => sum + count, 0)
      offset = last.offset + 1
    }
    const missing = Math.max(0, Math.min(first, range.nextOffset) - range.fromOffset)
    logger.warn({ ...range, restored, recordsGone: missing }, 'a damaged file of events was rebuilt from the log')
    events.forgetLost(range)
  }
}
