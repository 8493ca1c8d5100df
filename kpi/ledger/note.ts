// Signed notes (C2SP signed-note): text that ends with a line break, an empty line, then one line per signature.
export interface NoteSignature {
  name: string
  /** Eight hex digits, from name and key. */
  keyId: string
  /** What follows the key id, as bytes. */
  bytes: Buffer
  line: string
}

export interface Note {
  /** With its last line break: this is what was signed. */
  text: string
  signatures: NoteSignature[]
}

const charsMax = 1_000_000
const signaturesMax = 100
const linePattern = /^— (?<name>[^\s+]+) (?<blob>[A-Za-z0-9+/]+={0,2})$/u

/** @returns undefined when it is not a note */
export function parseNote(source: string): Note | undefined {
  if (source.length > charsMax) return undefined
  const at = source.lastIndexOf('\n\n')
  if (at < 0 || !source.endsWith('\n')) return undefined
  const text = source.slice(0, at + 1)
  const lines = source.slice(at + 2, -1).split('\n')
  if (lines.length > signaturesMax) return undefined
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const groups = linePattern.exec(line)?.groups
    if (!groups) return undefined
    const blob = Buffer.from(groups['blob']!, 'base64')
    if (blob.length < 5 || blob.toString('base64') !== groups['blob']) return undefined
    signatures.push({
      ...{ name: groups['name']!, line },
      ...{ keyId: blob.subarray(0, 4).toString('hex'), bytes: blob.subarray(4) },
    })
  }
  return { text, signatures }
}

export function signatureLine(name: string, keyId: string, bytes: Uint8Array): string {
  return `— ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), bytes]).toString('base64')}`
}

export function formatNote(text: string, lines: readonly string[]): string {
  return `${text}\n${lines.map((line) => `${line}\n`).join('')}`
}
