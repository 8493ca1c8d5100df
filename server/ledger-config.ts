import { z } from 'zod'
import { hashNames } from '#kpi/ledger/hash.ts'
import { isCosigner, parseKey } from '#kpi/ledger/keys.ts'

const witnessKey = z.string().refine((text) => {
  const key = parseKey(text)
  return key !== undefined && isCosigner(key.kind)
}, 'give the public key of a witness as NAME+ID+BASE64')

export const ledgerConfigSchema = z.strictObject({
  origin: z
    .string()
    .regex(/^[^\s+]{1,200}$/, 'a name without blanks and plus signs, e.g. guanlan.example.gov/kpi')
    .default('guanlan/kpi')
    .describe('Name of the ledger in its checkpoints and keys; never changed later'),
  hash: z.enum(hashNames).default('sm3').describe('Hash of the tree; sha256 for witnesses that know only that'),
  witnesses: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(200),
        url: z.url({ protocol: /^https?$/ }).describe('Its submission prefix: what comes before /add-checkpoint'),
        keys: z.array(witnessKey).min(1).max(8),
        allowPrivate: z.boolean().default(false).describe('It is meant that its address is not public'),
      }),
    )
    .max(20)
    .default([])
    .describe('Who cosigns checkpoints (C2SP tlog-witness)'),
  cosignEveryMs: z.int().min(1000).default(60_000).describe('How often a witness is asked while the ledger grows'),
  witnessAgeMaxMs: z.int().min(5000).default(3_600_000).describe('A witness that is silent for longer is an alert'),
})
export type LedgerConfig = z.output<typeof ledgerConfigSchema>
