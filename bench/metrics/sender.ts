// Sends prepared remote-write bodies as fast as they are acknowledged, or at a rate. As Prometheus's shards do, each
// connection has series of its own, so that theirs stay in order.
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Sent {
  wallMs: number
  /** Of each request, from its first byte sent to its answer. */
  ackMs: number[]
  /** When each of them was sent, after the start. */
  sentMs: number[]
  /** Answers that asked to come again. */
  retries: number
}

export interface SendOptions {
  port: number
  /** Requests a second; none: as fast as they are acknowledged. */
  rate?: number
}

const headers = {
  'content-encoding': 'snappy',
  'content-type': 'application/x-protobuf',
  'x-prometheus-remote-write-version': '0.1.0',
}
const retryMs = 100

/** @param shards what each connection sends, one after the other */
export async function send(shards: readonly Iterable<Uint8Array>[], { port, rate }: SendOptions): Promise<Sent> {
  const agent = new Agent({ keepAlive: true, maxSockets: shards.length })
  const startedMs = performance.now()
  const sent: Sent = { wallMs: 0, ackMs: [], sentMs: [], retries: 0 }
  const everyMs = rate ? (1000 * shards.length) / rate : 0
  const one = async (bodies: Iterable<Uint8Array>, number: number): Promise<void> => {
    let dueMs = startedMs + (everyMs * number) / shards.length
    for (const body of bodies) {
      if (everyMs > 0 && dueMs > performance.now()) await sleep(dueMs - performance.now())
      // Against a rate, waiting for one's turn is part of the delay.
      const fromMs = everyMs > 0 ? dueMs : performance.now()
      dueMs += everyMs
      for (;;) {
        const status = await post(agent, port, body)
        if (status < 300) break
        if (status < 500 && status !== 429) throw new Error(`refused with ${status}`)
        sent.retries++
        await sleep(retryMs)
      }
      sent.ackMs.push(performance.now() - fromMs)
      sent.sentMs.push(fromMs - startedMs)
    }
  }
  await Promise.all(shards.map(one))
  sent.wallMs = performance.now() - startedMs
  agent.destroy()
  return sent
}

function post(agent: Agent, port: number, body: Uint8Array): Promise<number> {
  return new Promise((done, failed) => {
    const asked = request(
      { host: '127.0.0.1', port, method: 'POST', path: '/api/v1/write', agent, headers },
      (answer) => {
        answer.resume()
        answer.on('end', () => done(answer.statusCode ?? 0))
        answer.on('error', failed)
      },
    )
    asked.on('error', failed)
    asked.end(body)
  })
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
