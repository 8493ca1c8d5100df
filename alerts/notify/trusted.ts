import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'

/** Options of TLS: certificates of a file are trusted besides the usual ones. Read at each use, as it may be renewed. */
export function trusted(caFile: string): { ca?: string[] } {
  return caFile === '' ? {} : { ca: [...rootCertificates, readFileSync(caFile, 'utf8')] }
}
