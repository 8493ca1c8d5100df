// The call by which a log asks a witness for its cosignature (C2SP tlog-witness): what is sent, and what a witness answers.
import { readCheckpoint } from './checkpoint.ts'
import type { PublicKey } from './keys.ts'
import { parseNote } from './note.ts'
import type { Witness } from './witness.ts'

export const addCheckpointBytesMax = 256 * 1024
const proofLinesMax = 63
export const sizeType = 'text/x.tlog.size'

export interface AddCheckpoint {
  oldSize: number
  proof: Uint8Array[]
  note: string
}

export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  const lines = proof.map((one) => `${Buffer.from(one).toString('base64')}\n`)
  return `old ${oldSize}\n${lines.join('')}\n${note}`
}

/** @returns undefined when it has not that form */
export function parseAddCheckpoint(body: string): AddCheckpoint | undefined {
  const end = body.indexOf('\n\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = body.slice(0, end).split('\n')
  const match = /^old (0|[1-9]\d{0,15})$/.exec(first)
  if (!match || lines.length > proofLinesMax) return undefined
  const proof = lines.map((line) => Buffer.from(line, 'base64'))
  if (proof.some((one, i) => one.length !== 32 || one.toString('base64') !== lines[i])) return undefined
  const oldSize = Number(match[1])
  return Number.isSafeInteger(oldSize) ? { oldSize, proof, note: body.slice(end + 2) } : undefined
}

export interface AddCheckpointAnswer {
  status: 200 | 400 | 403 | 404 | 409 | 422
  type: string
  body: string
}

/** What a witness does with a request. It must not be called again before it has returned. */
export function answerAddCheckpoint(
  witness: Witness,
  logKeys: readonly PublicKey[],
  body: string,
): AddCheckpointAnswer {
  const plain = (status: AddCheckpointAnswer['status'], text: string): AddCheckpointAnswer => ({
    ...{ status, type: 'text/plain; charset=utf-8', body: `${text}\n` },
  })
  const request = parseAddCheckpoint(body)
  const note = request && parseNote(request.note)
  const checkpoint = note && readCheckpoint(note.text)
  if (!request || !checkpoint) return plain(400, 'it is no old size, proof and checkpoint')
  if (!logKeys.some(({ name }) => name === checkpoint.origin)) return plain(404, 'the log is not known here')
  const kept = witness.last()?.opened.size ?? 0
  const conflict = { status: 409 as const, type: sizeType, body: `${kept}\n` }
  if (!witness.isSigned(request.note)) return plain(403, 'no key that is known here has signed it')
  if (request.oldSize > checkpoint.size) return plain(400, 'the old size is larger than the checkpoint')
  if (request.oldSize !== kept) return conflict
  const answer = witness.update(request.note, request.oldSize, request.proof)
  if (answer.state === 'cosigned') return plain(200, answer.lines.join('\n'))
  if (answer.reason === 'fork') return checkpoint.size === kept ? conflict : plain(422, answer.cause)
  return answer.reason === 'origin' ? plain(404, answer.cause) : plain(403, answer.cause)
}
