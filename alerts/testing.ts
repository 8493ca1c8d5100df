// Findings for tests.
import type { Finding } from '#core/finding.ts'

export function finding(part: Partial<Finding> = {}): Finding {
  return {
    rule: 'events/synthetic',
    title: 'Synthetic finding',
    description: 'Made by a test.',
    severity: 'medium',
    state: 'active',
    labels: { host: 'web-1' },
    annotations: {},
    atMs: 0,
    forMs: 0,
    resolveAfterMs: 0,
    entities: ['host:web-1'],
    evidence: { query: 'x:y', language: 'kql', fromMs: 0, toMs: 0, eventIds: [], value: 1, threshold: 1 },
    ...part,
  }
}
