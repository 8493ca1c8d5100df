// A workbook is a ZIP whose entries carry the time of writing. They are set to one time, so that equal content is equal
// bytes. Lengths stay as they are.
const endSignature = 0x06054b50
const centralSignature = 0x02014b50
const localSignature = 0x04034b50
const endBytes = 22

/** @throws RangeError for what is no ZIP of less than 4 GiB */
export function withZipDates(source: Uint8Array, atMs: number): Buffer {
  const zip = Buffer.from(source)
  let end = zip.length - endBytes
  while (end >= 0 && zip.readUInt32LE(end) !== endSignature) end--
  if (end < 0) throw new RangeError('not a ZIP file')
  const stamp = dosTime(atMs)
  let at = zip.readUInt32LE(end + 16)
  for (let entries = zip.readUInt16LE(end + 10); entries > 0; entries--) {
    if (zip.readUInt32LE(at) !== centralSignature) throw new RangeError('a ZIP entry is damaged')
    zip.writeUInt32LE(stamp, at + 12)
    const local = zip.readUInt32LE(at + 42)
    if (zip.readUInt32LE(local) !== localSignature) throw new RangeError('a ZIP entry is damaged')
    zip.writeUInt32LE(stamp, local + 10)
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return zip
}

/** Time in the low half, date in the high one; years before 1980 cannot be written. */
function dosTime(atMs: number): number {
  const at = new Date(atMs)
  const year = Math.min(127, Math.max(0, at.getUTCFullYear() - 1980))
  const date = (year << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate()
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1)
  return ((date << 16) | time) >>> 0
}
