// One process of the kill test: alerting over a database that is there already. Fires what it is told on standard input
// and says what is on disk.
import { createInterface } from 'node:readline'
import { Registry } from 'prom-client'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'
import { createAlerting } from '../alerting.ts'
import { alertingConfigSchema } from '../config.ts'
import { readAlertmanagerFile } from '../routing/alertmanager-file.ts'
import { finding } from '../testing.ts'

const [directory, file, receivers] = process.argv.slice(2) as [string, string, string]
const state = createState({ ...stateDefaults, directory, useRunning: true }, silentLogger)
await state.open()
const { routing } = readAlertmanagerFile('kill.yml', file)
const alerting = createAlerting(alertingConfigSchema.parse({ receivers: JSON.parse(receivers) }), {
  ...{ database: state.database, clock: systemClock, random: systemRandom, logger: silentLogger, routing },
  ...{ metrics: new Registry(), publicUrl: '' },
})
await alerting.start()
console.log('up')
for await (const line of createInterface({ input: process.stdin })) {
  const [alertname, site] = line.split(' ') as [string, string]
  void alerting
    .submit([finding({ labels: { alertname, site }, atMs: systemClock.nowMs() })])
    .then(() => console.log(`kept ${alertname}`))
}
