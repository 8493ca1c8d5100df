// Text whose encoding nobody says: UTF-8, UTF-16 by its mark, else GB 18030, in which Chinese systems export.

const bomLength = 2

export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes.subarray(bomLength))
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes.subarray(bomLength))
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return isGb18030(bytes) ? new TextDecoder('gb18030').decode(bytes) : new TextDecoder().decode(bytes)
  }
}

function isGb18030(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('gb18030', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}
