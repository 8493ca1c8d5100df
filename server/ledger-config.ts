import { z } from 'zod'
import { hashNames } from '#kpi/ledger/hash.ts'

export const ledgerConfigSchema = z.strictObject({
  origin: z
    .string()
    .regex(/^[^\s+]{1,200}$/, 'a name without blanks and plus signs, e.g. guanlan.example.gov/kpi')
    .default('guanlan/kpi')
    .describe('Name of the ledger in its checkpoints and keys; never changed later'),
  hash: z.enum(hashNames).default('sm3').describe('Hash of the tree; sha256 for witnesses that know only that'),
})
export type LedgerConfig = z.output<typeof ledgerConfigSchema>
