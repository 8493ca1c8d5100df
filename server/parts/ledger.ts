// The ledger of the observatory: its directory, its name and its keys.
import { join } from 'node:path'
import type { Clock } from '#core/clock.ts'
import { loadOrMakeKeys } from '#kpi/ledger/key-file.ts'
import { Ledger } from '#kpi/ledger/ledger.ts'
import type { LedgerConfig } from '../ledger-config.ts'

export function openLedger(config: LedgerConfig, data: string, clock: Clock): Promise<Ledger> {
  const keys = loadOrMakeKeys(join(data, 'ledger-keys.json'), config.origin, ['ed25519', 'sm2'])
  return Ledger.open({ directory: join(data, 'ledger'), origin: config.origin, hash: config.hash, keys }, { clock })
}
