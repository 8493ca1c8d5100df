// The ledger's witnesses: asked on schedule for a cosignature of the newest checkpoint. One that is missing is an alert, one
// that says that the ledger was rewritten is a grave one.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { checkLiteral, guardedLookup } from '#alerts/notify/address-guard.ts'
import type { Clock } from '#core/clock.ts'
import type { Component } from '#core/component.ts'
import type { Finding } from '#core/finding.ts'
import { Cosignatures, type CosignResult } from '#kpi/ledger/cosignatures.ts'
import { parseKey } from '#kpi/ledger/keys.ts'
import type { Ledger } from '#kpi/ledger/ledger.ts'
import type { LedgerConfig } from '../ledger-config.ts'

export interface WitnessStatus {
  name: string
  url: string
  state: 'good' | 'missing' | 'refused' | 'new'
  /** The last checkpoint that it signed. */
  size: number | null
  atMs: number | null
  cause: string
}

export interface Witnesses {
  component: Component
  status(): WitnessStatus[]
  /** The newest cosigned checkpoint, a note; undefined before the first. */
  newest(): string | undefined
  tick(): Promise<void>
}

type WitnessConfig = LedgerConfig['witnesses'][number]
const timeoutMs = 20_000
const answerBytesMax = 64 * 1024
export const witnessRule = 'kpi/witness'

export function createWitnesses(
  config: LedgerConfig,
  deps: { ledger: Ledger; data: string; clock: Clock; onFinding(finding: Finding): void },
): Witnesses {
  const { ledger, data, clock, onFinding } = deps
  const cosignatures = new Cosignatures(join(data, 'ledger'), ledger)
  const startedMs = clock.nowMs()
  const results = new Map<string, CosignResult>()
  const askedMs = new Map<string, number>()

  const statusOf = ({ name, url }: WitnessConfig): WitnessStatus => {
    const latest = cosignatures.latest(name)
    const result = results.get(name)
    const sinceMs = clock.nowMs() - (latest?.atMs ?? startedMs)
    const isMissing = sinceMs > config.witnessAgeMaxMs && (latest?.size ?? -1) < ledger.size
    const isRefused = result?.state === 'refused'
    return {
      ...{ name, url, size: latest?.size ?? null, atMs: latest?.atMs ?? null },
      state: isRefused ? 'refused' : isMissing ? 'missing' : latest ? 'good' : 'new',
      cause: result && result.state !== 'cosigned' ? result.cause : '',
    }
  }

  return {
    component: {
      name: 'witnesses',
      start: async () => {},
      stop: async () => cosignatures.close(),
      health: () => {
        const bad = config.witnesses.map(statusOf).filter(({ state }) => state === 'missing' || state === 'refused')
        if (bad.length === 0) return { state: 'ok', detail: '' }
        return { state: 'degraded', detail: bad.map(({ name, cause }) => `${name}: ${cause}`).join('; ') }
      },
    },
    status: () => config.witnesses.map(statusOf),
    newest: () => cosignatures.newest(),
    tick: async () => {
      for (const witness of config.witnesses) {
        const { name } = witness
        const nowMs = clock.nowMs()
        // Nothing new needs no new signature, but a witness that went away should be noticed.
        const isNew = (cosignatures.latest(name)?.size ?? -1) !== ledger.size
        const pauseMs = isNew ? config.cosignEveryMs : config.witnessAgeMaxMs / 2
        if (nowMs - (askedMs.get(name) ?? 0) < pauseMs) continue
        askedMs.set(name, nowMs)
        const keys = witness.keys.flatMap((key) => parseKey(key) ?? [])
        const result = await cosignatures
          .ask(name, keys, (body) => post(witness, body))
          .catch((error: Error): CosignResult => ({ state: 'failed', cause: error.message }))
        results.set(name, result)
      }
      for (const status of config.witnesses.map(statusOf)) onFinding(witnessFinding(status, clock.nowMs()))
    },
  }
}

function post({ url, allowPrivate }: WitnessConfig, body: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const address = new URL('add-checkpoint', url.endsWith('/') ? url : `${url}/`)
    if (!allowPrivate) checkLiteral(address.hostname)
    const request = (address.protocol === 'https:' ? httpsRequest : httpRequest)(
      address,
      {
        ...{ method: 'POST', agent: false, signal: AbortSignal.timeout(timeoutMs) },
        headers: { 'content-type': 'text/plain; charset=utf-8', 'user-agent': 'guanlan' },
        ...(allowPrivate ? {} : { lookup: guardedLookup }),
      },
      (response) => {
        const parts: Buffer[] = []
        let bytes = 0
        response.on('data', (part: Buffer) => {
          bytes += part.length
          if (bytes > answerBytesMax) return void response.destroy(new Error('its answer is too long'))
          parts.push(part)
        })
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

function witnessFinding({ name, url, state, cause, size, atMs }: WitnessStatus, nowMs: number): Finding {
  const isBad = state === 'missing' || state === 'refused'
  return {
    rule: witnessRule,
    title: state === 'refused' ? `The witness ${name} refuses the ledger` : `The witness ${name} does not cosign`,
    description:
      state === 'refused'
        ? `${cause}. Either the ledger was restored from an old copy or rewritten: compare it with a backup before anything is published.`
        : `The last cosignature is of ${size ?? 0} leaves${cause === '' ? '' : `; ${cause}`}. Without a witness nobody outside can tell whether the ledger was rewritten.`,
    severity: state === 'refused' ? 'critical' : 'medium',
    state: isBad ? 'active' : 'over',
    labels: { witness: name },
    annotations: { url },
    ...{ atMs: nowMs, forMs: 0, resolveAfterMs: 0, entities: [] },
    evidence: {
      ...{
        query: '',
        language: 'none',
        fromMs: atMs ?? nowMs,
        toMs: nowMs,
        eventIds: [],
        value: size,
        threshold: null,
      },
    },
  }
}
