// From what discovery gives to what is scraped (scrape/target.go, PopulateLabels).
import type { Labels } from '#core/sample.ts'
import type { JobConfig, TargetGroup } from './config.ts'
import type { Relabel } from './relabel.ts'

export interface Target {
  /** The same for the same target after each discovery. */
  key: string
  url: string
  /** `job`, `instance` and the labels of the configuration; none that begins with `__`. */
  labels: Labels
}

export interface Targets {
  targets: Target[]
  /** Why groups or targets were left out. */
  problems: string[]
}

export function targetsOf(job: JobConfig, groups: readonly TargetGroup[], relabel: Relabel): Targets {
  const byKey = new Map<string, Target>()
  const problems: string[] = []
  for (const group of groups)
    for (const address of group.targets) {
      const labels = relabel({ ...baseLabels(job), ...group.labels, __address__: address })
      if (!labels?.['__address__']) continue
      try {
        const target = toTarget(labels, job)
        byKey.set(target.key, target)
      } catch {
        problems.push(`"${address}" is no host:port`)
      }
    }
  return { targets: [...byKey.values()], problems }
}

function baseLabels(job: JobConfig): Labels {
  const labels: Labels = { job: job.job_name, __scheme__: job.scheme, __metrics_path__: job.metrics_path }
  for (const [name, values] of Object.entries(job.params)) if (values[0]) labels[`__param_${name}`] = values[0]
  return labels
}

function toTarget(labels: Labels, job: JobConfig): Target {
  const address = labels['__address__']!
  if (/[/?#@\s]/.test(address)) throw new Error('not an address')
  const path = labels['__metrics_path__'] ?? '/metrics'
  const url = new URL(`${labels['__scheme__']}://${address}${path.startsWith('/') ? path : `/${path}`}`)
  for (const [name, values] of Object.entries(job.params))
    for (const value of values.slice(1)) url.searchParams.append(name, value)
  const kept: Labels = {}
  for (const [name, value] of Object.entries(labels)) {
    if (name.startsWith('__param_')) url.searchParams.append(name.slice('__param_'.length), value)
    else if (!name.startsWith('__') && value !== '') kept[name] = value
  }
  kept['instance'] ??= address
  const key = JSON.stringify([url.href, Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1))])
  return { key, url: url.href, labels: kept }
}
