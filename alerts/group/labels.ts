// An alert as a set of labels, as Alertmanager knows it.
import { createHash } from 'node:crypto'
import { type Alert, watchdogRule } from '../alert.ts'

type Labelled = Pick<Alert, 'rule' | 'severity' | 'labels'>

/** One that came with a name keeps its labels as they came; ours are given their name, severity and rule. */
export function labelsOf({ rule, severity, labels }: Labelled): Record<string, string> {
  if (Object.hasOwn(labels, 'alertname')) return labels
  return { alertname: rule.slice(rule.indexOf('/') + 1), severity, rule, ...labels }
}

/** Without the link that came beside them; ours are given their title and description. */
export function annotationsOf(
  alert: Labelled & Pick<Alert, 'annotations' | 'title' | 'description'>,
): Record<string, string> {
  const { generatorURL: _, ...rest } = alert.annotations
  if (Object.hasOwn(alert.labels, 'alertname')) return rest
  return { summary: alert.title, ...(alert.description === '' ? {} : { description: alert.description }), ...rest }
}

const offset = 0xcbf29ce484222325n
const prime = 0x100000001b3n
const separator = 0xffn

/** Prometheus's fingerprint of a label set: FNV-1a over names and values in order, 16 hexadecimal digits. */
export function labelFingerprint(labels: Readonly<Record<string, string>>): string {
  let sum = offset
  const add = (byte: bigint): void => {
    sum = BigInt.asUintN(64, (sum ^ byte) * prime)
  }
  for (const name of Object.keys(labels).sort())
    for (const text of [name, labels[name]!]) {
      for (const byte of Buffer.from(text)) add(BigInt(byte))
      add(separator)
    }
  return sum.toString(16).padStart(16, '0')
}

/** The order in which Alertmanager lists the alerts of a group: by job, by instance, then by all labels. */
export function compareLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): number {
  for (const name of ['job', 'instance']) {
    const [mine, other] = [a[name], b[name]]
    if (mine === other) continue
    if (mine === undefined) return 1
    if (other === undefined) return -1
    return mine < other ? -1 : 1
  }
  const difference = Object.keys(a).length - Object.keys(b).length
  if (difference !== 0) return difference
  for (const name of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
    const [mine, other] = [a[name], b[name]]
    if (mine === other) continue
    if (mine === undefined) return -1
    return other === undefined || mine > other ? 1 : -1
  }
  return 0
}

/** The watchdog fires to show that the path lives: that is the heartbeat's business, never a person's. */
export function isTold({ rule }: Pick<Alert, 'rule'>): boolean {
  return rule !== watchdogRule
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40)
}
