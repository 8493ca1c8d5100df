// How a witness reads a log over HTTP: the checkpoint, then the proof that it continues what the witness has.
import { z } from 'zod'
import { openCheckpoint } from './checkpoint.ts'
import type { PublicKey } from './keys.ts'
import type { Witness, WitnessAnswer } from './witness.ts'

const bytesMax = 1_000_000
const timeoutMs = 20_000
const proofSchema = z.object({ proof: z.array(z.base64()).max(100) })

export async function followOnce(url: string, witness: Witness, logKeys: readonly PublicKey[]): Promise<WitnessAnswer> {
  const note = await readText(new URL('checkpoint', withSlash(url)))
  const opened = openCheckpoint(note, logKeys)
  const from = witness.last()?.opened.size ?? 0
  if ('problem' in opened || opened.size < from || from === 0 || opened.size === from)
    return witness.update(note, from, [])
  const at = new URL('consistency', withSlash(url))
  at.search = new URLSearchParams({ first: String(from), second: String(opened.size) }).toString()
  const { proof } = proofSchema.parse(JSON.parse(await readText(at)))
  return witness.update(
    note,
    from,
    proof.map((one) => Buffer.from(one, 'base64')),
  )
}

const withSlash = (url: string): string => (url.endsWith('/') ? url : `${url}/`)

async function readText(url: URL): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
  if (!response.ok) throw new Error(`${url.origin}${url.pathname} answers ${response.status}`)
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.length
    if (size > bytesMax) throw new Error(`${url.pathname} is larger than ${bytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
