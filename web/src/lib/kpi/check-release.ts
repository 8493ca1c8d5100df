// A release checked here, in the browser: its hash is a leaf, the leaf is in the tree of a checkpoint, the checkpoint is
// signed, and the figures, where this person may see all of them, have that hash.
import { get } from '../api.ts'
import type { LeafProof, LedgerSummary } from '../types.ts'
import { recordHash } from './verify.ts'
import { type CheckedSignature, checkInclusion, checkSignatures, readCheckpoint } from './verify-ledger.ts'

export interface ReleaseVerdict {
  leaf: boolean
  tree: boolean
  /** undefined: not all of the figures are this person's to see. */
  figures: boolean | undefined
  signatures: CheckedSignature[]
  proof: LeafProof
}

export async function checkRelease(period: string, hash: string, seesAll: boolean): Promise<ReleaseVerdict> {
  const leaf = { kind: 'value', id: `release/${period}`, version: hash.slice(0, 32) }
  const [proof, ledger] = await Promise.all([
    get<LeafProof>('/api/kpi/ledger/inclusion', leaf),
    get<LedgerSummary>('/api/kpi/ledger'),
  ])
  const checkpoint = readCheckpoint(proof.checkpoint)
  const keys = [...ledger.keys, ...ledger.witnesses.flatMap((one) => one.keys)]
  const figures = seesAll
    ? (await get<{ figures: unknown[] }>(`/api/kpi/releases/${period}/figures`)).figures
    : undefined
  return {
    leaf: proof.leaf.hash === hash && proof.leaf.id === leaf.id,
    tree: await checkInclusion(proof),
    figures: figures && (await recordHash(figures)) === hash,
    signatures: checkpoint ? await checkSignatures(checkpoint, keys) : [],
    proof,
  }
}

/** Everything that could be checked is good, and somebody signed. */
export function isGood({ leaf, tree, figures, signatures }: ReleaseVerdict): boolean {
  return (
    leaf &&
    tree &&
    figures !== false &&
    signatures.some(({ verdict }) => verdict === 'good') &&
    signatures.every(({ verdict }) => verdict !== 'bad')
  )
}
