// Absence is a rule that every source gets by itself: a source that talked regularly and stopped is a finding.
//
// What is regular is learned where batches are counted (pipeline/sources.ts): 95 % of its time a source is in gaps no
// longer than its learned interval. Silent means longer than five intervals and longer than five minutes. A source that
// never showed a habit (an import, a person with a shell) is left alone. One that was silent for a week is forgotten,
// and its finding ends with it.
import type { Finding } from '#core/finding.ts'

/** The part of a row of the source table that matters here. */
export interface SourceSeen {
  receiver: string
  source: string
  kind: string
  lastSeenMs: number
  state: 'live' | 'late' | 'silent'
  intervalMs: number | null
}

export const silenceRule = 'sources/silent'
const refreshMs = 30_000

export interface Silence {
  /** Compares with the last call. */
  tick(rows: readonly SourceSeen[], nowMs: number, send: (finding: Finding) => void): void
  readonly active: number
  snapshot(): SilentSource[]
  restore(silent: readonly SilentSource[]): void
}

export interface SilentSource {
  row: SourceSeen
  lastSentMs: number
}

export function createSilence(): Silence {
  const silent = new Map<string, SilentSource>()
  return {
    get active() {
      return silent.size
    },
    tick: (rows, nowMs, send) => {
      const present = new Set<string>()
      for (const row of rows) {
        const key = `${row.kind}\n${row.receiver}\n${row.source}`
        present.add(key)
        const known = silent.get(key)
        if (row.state === 'silent') {
          if (known && nowMs - known.lastSentMs < refreshMs) continue
          silent.set(key, { row, lastSentMs: nowMs })
          send(silenceFinding(row, nowMs, 'active'))
        } else if (known && row.lastSeenMs > known.row.lastSeenMs) {
          silent.delete(key)
          send(silenceFinding(row, nowMs, 'over'))
        } else if (known && nowMs - known.lastSentMs >= refreshMs) {
          // The observatory was restarted and listens anew: nothing was heard yet, so it is still silent.
          known.lastSentMs = nowMs
          send(silenceFinding(known.row, nowMs, 'active'))
        }
      }
      for (const [key, { row }] of silent) {
        if (present.has(key)) continue
        silent.delete(key)
        send(silenceFinding(row, nowMs, 'over'))
      }
    },
    snapshot: () => [...silent.values()],
    restore: (sources) => {
      silent.clear()
      for (const entry of sources)
        silent.set(`${entry.row.kind}\n${entry.row.receiver}\n${entry.row.source}`, { ...entry, lastSentMs: 0 })
    },
  }
}

function silenceFinding(row: SourceSeen, nowMs: number, state: 'active' | 'over'): Finding {
  const quietMs = nowMs - row.lastSeenMs
  return {
    rule: silenceRule,
    title: `${row.receiver} ${row.source} has gone silent`,
    description:
      'This source sent regularly and stopped. Check that the sender runs, that its network path to this machine is open ' +
      'and that its disk buffer is not full. Its data since then is missing, so rules about it can say nothing.',
    severity: 'medium',
    state,
    labels: { receiver: row.receiver, source: row.source, kind: row.kind },
    annotations: {
      last_seen: new Date(row.lastSeenMs).toISOString(),
      'title.zh': `${row.receiver} ${row.source} 已停止发送数据`,
      'description.zh':
        '该来源原本定期发送数据，现已停止。请检查发送端是否在运行、到本机的网络是否畅通、其磁盘缓冲是否已满。此后的数据缺失，相关规则无法作出判断。',
    },
    atMs: nowMs,
    forMs: 0,
    resolveAfterMs: 0,
    entities: [],
    evidence: {
      query: row.kind === 'events' ? `observer.name:"${row.receiver.replace(/["\\]/g, '\\$&')}"` : '',
      language: row.kind === 'events' ? 'kql' : 'none',
      fromMs: row.lastSeenMs - 3_600_000,
      toMs: nowMs,
      eventIds: [],
      value: Math.round(quietMs / 1000),
      threshold: row.intervalMs === null ? null : Math.round(Math.max(5 * row.intervalMs, 300_000) / 1000),
    },
  }
}
