// A process of its own for the test of the ledger's feed: makes leaves of a catalogue and ends as if the power went, when
// there are as many as told. Arguments: the directory, the rules, rows of the catalogue, leaves at the end.
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { loadDefinitions } from '#kpi/definitions/load.ts'
import { loadKeys } from '#kpi/ledger/key-file.ts'
import { Ledger } from '#kpi/ledger/ledger.ts'
import { createLedgerFeed } from '../ledger-feed.ts'
import { catalogueRows } from './catalogue-rows.ts'

const [directory, rules, count, last] = process.argv.slice(2) as [string, string, string, string]
const keys = loadKeys(join(directory, 'keys.json'))
const ledger = await Ledger.open(
  { directory: join(directory, 'ledger'), origin: 'log.example/kpi', hash: 'sm3', keys },
  { clock: systemClock },
)
const rows = catalogueRows(Number(count))
setInterval(() => {
  if (ledger.size >= Number(last)) process.kill(process.pid, 'SIGKILL')
}, 1)
await createLedgerFeed(
  ledger,
  {
    ...{ cases: { since: async () => [] }, definitions: loadDefinitions(rules), rules },
    catalogue: { facts: () => rows, version: () => 1 },
  },
  { nowMs: () => 7, logger: silentLogger },
).tick()
