// Did a counter reset happen between two histograms? Prometheus: `FloatHistogram.DetectReset`.
import type { FloatHistogram } from '#core/histogram.ts'
import { commonBounds, ontoBounds, sameBounds, widenZero } from './arithmetic.ts'
import { reduceResolution, type Sparse, toSparse, usesCustomBuckets } from './sparse.ts'

/** True when `current` says so, or when any count fell. The hint `not-reset` settles it. */
export function detectReset(current: FloatHistogram, previous: FloatHistogram): boolean {
  if (current.counterResetHint === 'reset') return true
  if (current.counterResetHint === 'not-reset') return false
  return countsFell(current, previous)
}

export function countsFell(current: FloatHistogram, previous: FloatHistogram): boolean {
  if (current.count < previous.count) return true
  const now = toSparse(current.positiveSpans, current.positiveBuckets)
  const before = toSparse(previous.positiveSpans, previous.positiveBuckets)
  if (usesCustomBuckets(current)) {
    if (!usesCustomBuckets(previous)) return true
    if (sameBounds(current.customValues, previous.customValues)) return fell(now, before)
    const common = commonBounds(current.customValues, previous.customValues)
    return fell(ontoBounds(now, current.customValues, common), ontoBounds(before, previous.customValues, common))
  }
  if (current.schema > previous.schema) return true
  if (current.zeroThreshold < previous.zeroThreshold) return true
  const widened = {
    schema: previous.schema,
    zeroThreshold: previous.zeroThreshold,
    zeroCount: previous.zeroCount,
    positive: before,
    negative: toSparse(previous.negativeSpans, previous.negativeBuckets),
    customValues: [],
  }
  widenZero(widened, current.zeroThreshold)
  // A populated bucket across the new threshold cannot come about without a reset.
  if (widened.zeroThreshold !== current.zeroThreshold) return true
  if (current.zeroCount < widened.zeroCount) return true
  return (
    fell(now, reduceResolution(widened.positive, previous.schema, current.schema)) ||
    fell(
      toSparse(current.negativeSpans, current.negativeBuckets),
      reduceResolution(widened.negative, previous.schema, current.schema),
    )
  )
}

function fell(now: Sparse, before: Sparse): boolean {
  let i = 0
  for (let j = 0; j < before.indexes.length; j++) {
    while (i < now.indexes.length && now.indexes[i]! < before.indexes[j]!) i++
    const count = now.indexes[i] === before.indexes[j] ? now.counts[i]! : 0
    if (count < before.counts[j]!) return true
  }
  return false
}
