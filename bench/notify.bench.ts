// From an alert to the receiver: many groups at once, and one group of many. A local webhook takes what is sent.
// node bench/notify.bench.ts [ALERTS]
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Registry } from 'prom-client'
import { createAlerting } from '#alerts/alerting.ts'
import { alertingConfigSchema } from '#alerts/config.ts'
import { readAlertmanagerFile } from '#alerts/routing/alertmanager-file.ts'
import { finding } from '#alerts/testing.ts'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import { openTestState } from '#stores/state/testing.ts'

const alerts = Number(process.argv[2] ?? 2000)
const state = await openTestState()
let told = 0
let requests = 0
let arrivedMs: number[] = []
const hook = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  const { alerts: list, truncatedAlerts } = JSON.parse(text) as { alerts: unknown[]; truncatedAlerts: number }
  told += list.length + truncatedAlerts
  requests++
  arrivedMs.push(performance.now())
  response.end()
})
await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`

async function measure(name: string, groupBy: string): Promise<object> {
  const file = `
route: { receiver: duty, group_by: ['${groupBy}'], group_wait: 1s, group_interval: 10s, repeat_interval: 1h }
receivers: [{ name: duty, webhook_configs: [{ url: '${url}' }] }]
inhibit_rules: [{ source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [site] }]
`
  const { routing } = readAlertmanagerFile('bench.yml', file)
  const config = alertingConfigSchema.parse({
    alertmanagerAllowPrivate: true,
    openPerRuleMax: 100_000,
    openMax: 100_000,
  })
  const alerting = createAlerting(config, {
    ...{ database: state.database, clock: systemClock, random: systemRandom, logger: silentLogger, routing },
    ...{ metrics: new Registry(), publicUrl: '' },
  })
  await alerting.start()
  told = 0
  requests = 0
  arrivedMs = []
  const cpu = process.cpuUsage()
  const startedMs = performance.now()
  const list = Array.from({ length: alerts }, (_, i) =>
    finding({
      ...{ rule: `bench/${name}`, atMs: Date.now(), severity: 'medium' },
      labels: { alertname: name, severity: 'warning', site: `s${i % 50}`, instance: `i${i}` },
    }),
  )
  await alerting.submit(list)
  const keptMs = performance.now() - startedMs
  while (told < alerts) await new Promise((resolve) => setTimeout(resolve, 10))
  const doneMs = performance.now() - startedMs
  const { user, system } = process.cpuUsage(cpu)
  await alerting.stop()
  return {
    case: name,
    alerts,
    requests,
    'kept on disk, s': (keptMs / 1000).toFixed(2),
    'first told, s': ((arrivedMs[0]! - startedMs) / 1000).toFixed(2),
    'all told, s': (doneMs / 1000).toFixed(2),
    'CPU ms an alert': ((user + system) / 1000 / alerts).toFixed(2),
  }
}

console.table([await measure('a group each', '...'), await measure('one group', 'alertname')])
hook.close()
await state.dispose()
process.exit(0)
