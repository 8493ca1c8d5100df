// The head of a body that may be of any length. The rest is taken from the wire and thrown away, so that the gateway's
// connection stays usable; what takes too long is given up.
const drainBytesMax = 64 * 1024 * 1024

export type Head = { bytes: Uint8Array; isPartial: boolean }

export async function readHead(request: Request, bytesMax: number, msMax: number): Promise<Head | 'slow' | 'broken'> {
  if (!request.body) return { bytes: new Uint8Array(0), isPartial: false }
  const reader = request.body.getReader()
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    void reader.cancel().catch(() => {})
  }, msMax)
  const parts: Uint8Array[] = []
  let kept = 0
  let size = 0
  try {
    while (size < drainBytesMax) {
      const { done, value } = await reader.read()
      if (done) break
      size += value.length
      if (kept >= bytesMax) continue
      const part = value.subarray(0, bytesMax - kept)
      parts.push(part)
      kept += part.length
    }
    if (size >= drainBytesMax) await reader.cancel()
  } catch {
    return isLate ? 'slow' : 'broken'
  } finally {
    clearTimeout(timer)
  }
  if (isLate) return 'slow'
  return { bytes: Buffer.concat(parts), isPartial: size > kept }
}
