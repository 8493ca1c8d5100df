// A process of its own for the test of briefs: begins to deliver, tells that the request has arrived, and waits for its
// end. Arguments: the directory of a running database, and the address of the receiver.
import { silentLogger } from '#core/logger.ts'
import { createDeliveries } from '#kpi/brief/deliveries.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'

const [directory, receiverUrl] = process.argv.slice(2) as [string, string]
const state = createState({ ...stateDefaults, directory, useRunning: true }, silentLogger)
await state.open()
await createDeliveries({
  ...{ database: state.database, nowMs: () => Number(process.argv[4]), newId: () => 'unused', timeoutMs: () => 1000 },
  send: async ({ id }) => {
    await fetch(receiverUrl, { method: 'POST', body: id })
    return new Promise(() => {})
  },
}).work()
