// kill -9 at random moments: nobody is told twice of the same, and nothing that was kept stays untold.
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { endProcess } from '#tests/end-process.ts'

let state: TestState
beforeAll(async () => {
  state = await openTestState()
})
afterAll(() => state.dispose())

const rounds = 10
const node = join(import.meta.dirname, '../../node_modules/node/bin/node')

test('through kill -9 each state of a group is told under one id, and everything kept is told', {
  timeout: 120_000,
}, async () => {
  const random = seededRandom(11)
  const told: { id: string; key: string; names: string[] }[] = []
  const hook = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const body = JSON.parse(text) as { groupKey: string; alerts: { labels: Record<string, string> }[] }
    const names = body.alerts.map(({ labels }) => labels['alertname']!)
    told.push({ id: String(request.headers['webhook-id']), key: body.groupKey, names })
    response.end()
  })
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const file = `
route: { receiver: duty, group_by: [site], group_wait: 100ms, group_interval: 150ms, repeat_interval: 1h }
receivers: [{ name: duty }]
`
  const receivers = [
    { kind: 'webhook', name: 'duty', format: 'alertmanager', url, secret, allowPrivate: true, timeoutMs: 1000 },
  ]
  const kept = new Set<string>()
  const start = async (): Promise<ChildProcess> => {
    const script = join(import.meta.dirname, 'kill-child.ts')
    const child = spawn(node, [script, state.directory, file, JSON.stringify(receivers)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await new Promise<void>((resolve) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (line === 'up') resolve()
        else kept.add(line.slice('kept '.length))
      })
    })
    return child
  }
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

  let next = 0
  for (let round = 0; round < rounds; round++) {
    const child = await start()
    child.stdin!.on('error', () => {})
    for (let left = 150 + random.next() * 500; left > 0; ) {
      child.stdin!.write(`A${next} s${next % 3}\n`)
      next++
      const ms = 10 + random.next() * 60
      left -= ms
      await pause(ms)
    }
    await endProcess(child, 'SIGKILL')
  }
  const last = await start()
  // A lease of the one that was killed runs out after its attempt's time and five seconds.
  const untold = (): string[] => {
    const names = new Set(told.flatMap((one) => one.names))
    return [...kept].filter((name) => !names.has(name))
  }
  await expect.poll(untold).toEqual([])
  await pause(1000)
  await endProcess(last)
  hook.closeAllConnections()
  hook.close()

  expect(kept.size).toBeGreaterThan(rounds)
  const idsOf = new Map<string, Set<string>>()
  for (const { id, key, names } of told) {
    const content = `${key} ${names.join(' ')}`
    idsOf.set(content, (idsOf.get(content) ?? new Set()).add(id))
  }
  expect([...idsOf].filter(([, ids]) => ids.size > 1)).toEqual([])
  const again = told.length - new Set(told.map(({ id }) => id)).size
  console.log(
    `${rounds} kills: ${kept.size} alerts kept, ${told.length} requests, of which ${again} came again under their own id`,
  )
})
