// The identity of an alert: SHA-256 over the rule and the labels sorted by name, first 16 bytes in hex.
//
// Each part is preceded by its length, so that no choice of names and values makes two sets read alike. The value is
// kept in databases and other people's systems: never change how it is made.
//
//   v1 = sha256( part(rule) · part(name₁) · part(value₁) · part(name₂) · … )[0..16]     part(s) = utf8Length(s) ":" s
import { createHash } from 'node:crypto'

export function fingerprint(rule: string, labels: Record<string, string>): string {
  const hash = createHash('sha256')
  const add = (text: string): void => {
    hash.update(`${Buffer.byteLength(text)}:`)
    hash.update(text)
  }
  add(rule)
  // By UTF-16 code unit: the same on every machine, unlike an order by locale.
  for (const name of Object.keys(labels).sort()) {
    add(name)
    add(labels[name]!)
  }
  return hash.digest('hex').slice(0, 32)
}
