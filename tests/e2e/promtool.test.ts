// Debian's promtool asks us and asks Debian's Prometheus, both given the same samples: the same text comes back.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compressSnappy } from '#stores/metrics/remote/snappy.ts'
import { encodeForTest } from '#stores/metrics/testing.ts'
import { endProcess } from '#tests/end-process.ts'
import { freePort } from './free-port.ts'
import { type Running, startObservatory } from './observatory.ts'

const [prometheus, promtool] = ['/usr/bin/prometheus', '/usr/bin/promtool']
const run = promisify(execFile)

describe.skipIf(!existsSync(prometheus) || !existsSync(promtool))(
  'promtool (Debian) asks us as it asks Prometheus',
  () => {
    const baseMs = Math.floor(Date.now() / 60_000) * 60_000 - 1_200_000
    const seconds = (offset: number): string => String((baseMs + offset) / 1000)
    let directory: string
    let peer: ChildProcess
    let ours: Running
    let servers: { ours: string; theirs: string }

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'guanlan-promtool-'))
      await writeFile(join(directory, 'prometheus.yml'), '')
      const port = await freePort()
      const args = ['--web.enable-remote-write-receiver', `--web.listen-address=127.0.0.1:${port}`, '--log.level=error']
      const files = [`--config.file=${directory}/prometheus.yml`, `--storage.tsdb.path=${directory}/data`]
      peer = spawn(prometheus, [...files, ...args], { stdio: 'ignore' })
      ours = await startObservatory()
      const theirs = `http://127.0.0.1:${port}`
      for (let i = 0; i < 300; i++) {
        const up = await fetch(`${theirs}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        )
        if (up) break
        await sleep(100)
      }
      // Off the second, so that no sample lies on the border of a range.
      const points = (value: (i: number) => number): [number, number][] =>
        Array.from({ length: 60 }, (_, i) => [baseMs + 3007 + i * 15_000, value(i)])
      const body = encodeForTest([
        [{ __name__: 'tool_requests_total', job: 'tool', zone: 'a' }, points((i) => i * 7)],
        [{ __name__: 'tool_requests_total', job: 'tool', zone: '广州 "b"' }, points((i) => (i < 30 ? i : i - 30))],
        [
          { __name__: 'tool_ratio', job: 'tool', zone: 'a' },
          points((i) => (i === 40 ? Number.POSITIVE_INFINITY : i / 3)),
        ],
        ...['0.1', '1', '+Inf'].map((le, k): Parameters<typeof encodeForTest>[0][number] => [
          { __name__: 'tool_seconds_bucket', job: 'tool', le },
          points((i) => i * (k + 1)),
        ]),
      ])
      const types = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' }
      const headers = { ...types, 'x-prometheus-remote-write-version': '0.1.0' }
      for (const url of [theirs, ours.url]) {
        const sent = await fetch(`${url}/api/v1/write`, {
          method: 'POST',
          body: new Uint8Array(compressSnappy(body)),
          headers,
        })
        expect(sent.status).toBeLessThan(300)
      }
      const address = new URL(ours.url)
      // The token goes as a password: this promtool knows no other way.
      servers = { ours: `http://promtool:${ours.token}@${address.host}`, theirs }
      for (let i = 0; i < 100; i++) {
        const { stdout } = await run(promtool, [
          'query',
          'instant',
          servers.ours,
          'tool_ratio',
          `--time=${seconds(600_000)}`,
        ])
        if (stdout !== '') break
        await sleep(100)
      }
    })
    afterAll(async () => {
      await ours?.dispose()
      await endProcess(peer)
      await rm(directory, { recursive: true, force: true })
    })

    /** Vectors have no order of their own. */
    const lines = (text: string): string[] =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .sort()

    const both = async (...args: [command: string, ...rest: string[]]): Promise<{ ours: string; theirs: string }> => {
      const [command, ...rest] = args
      const ask = async (server: string): Promise<string> => {
        // Flags first, then the server, then what is asked.
        const flags = rest.filter((one) => one.startsWith('--'))
        const others = rest.filter((one) => !one.startsWith('--'))
        return (await run(promtool, ['query', command, ...flags, server, ...others])).stdout
      }
      return { ours: await ask(servers.ours), theirs: await ask(servers.theirs) }
    }

    test.each([
      'tool_requests_total',
      'sum by (zone) (rate(tool_requests_total[5m]))',
      'histogram_quantile(0.9, rate(tool_seconds_bucket[5m]))',
      'topk(1, tool_requests_total)',
      'tool_ratio > 10',
      'tool_ratio{zone="a"}[2m]',
      'increase(tool_requests_total[10m]) / 3',
      'absent(tool_nothing)',
      'scalar(tool_ratio)',
      '1 / 0',
    ])('instant %s', async (query) => {
      const answer = await both('instant', query, `--time=${seconds(700_000)}`)
      expect(answer.theirs).not.toBe('')
      expect(lines(answer.ours)).toEqual(lines(answer.theirs))
    })

    test('instant: an error is told, and the exit code says so', async () => {
      for (const server of Object.values(servers))
        await expect(run(promtool, ['query', 'instant', server, 'sum(tool_ratio'])).rejects.toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/bad_data|parse error/),
        })
    })

    test('range', async () => {
      for (const query of ['rate(tool_requests_total[2m])', 'tool_ratio', 'max_over_time(tool_ratio[3m]) - 1']) {
        const span = [`--start=${seconds(60_000)}`, `--end=${seconds(860_000)}`, '--step=30s']
        const answer = await both('range', query, ...span)
        expect(answer.theirs.length).toBeGreaterThan(500)
        expect(lines(answer.ours)).toEqual(lines(answer.theirs))
      }
    })

    test('series', async () => {
      const span = [`--start=${seconds(0)}`, `--end=${seconds(900_000)}`]
      const answer = await both('series', '--match={job="tool",zone!=""}', ...span)
      expect(lines(answer.theirs)).toHaveLength(3)
      expect(lines(answer.ours)).toEqual(lines(answer.theirs))
    })

    test('labels', async () => {
      const answer = await both('labels', 'zone', `--start=${seconds(0)}`, `--end=${seconds(900_000)}`)
      expect(lines(answer.theirs)).toHaveLength(2)
      expect(lines(answer.ours)).toEqual(lines(answer.theirs))
    })
  },
)
