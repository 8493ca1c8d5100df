// The Alertmanager file that guanlan.yaml names: read at the start, and again when it changes. A file with a mistake
// changes nothing: what was read before stays in force, and who looks is told why.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Gauge, type Registry } from 'prom-client'
import type { Alerting } from '#alerts/alerting.ts'
import type { AlertingConfig } from '#alerts/config.ts'
import { type Routing, readAlertmanagerFile } from '#alerts/routing/alertmanager-file.ts'
import { type Ignored, integrate } from '#alerts/routing/integrations.ts'
import { withoutSecrets } from '#alerts/routing/without-secrets.ts'
import type { Clock } from '#core/clock.ts'
import type { Component } from '#core/component.ts'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import { watchDirectory } from '#core/watch-directory.ts'
import { formatProblem, type SourceProblem } from '#core/yaml-source.ts'

export interface RoutingFile {
  text: string
  routing?: Routing | undefined
  ignored: Ignored[]
  problems: SourceProblem[]
}

export function readRouting(config: AlertingConfig): RoutingFile {
  const file = config.alertmanagerFile
  if (file === '') return { text: '', ignored: [], problems: [] }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const cause = `alerts.alertmanagerFile cannot be read: ${(error as Error).message}`
    return { text: '', ignored: [], problems: [{ file, line: 0, cause, hint: '' }] }
  }
  const { routing, problems } = readAlertmanagerFile(file, text)
  const { ignored, problems: more } = integrate(routing, config.receivers, {
    file,
    allowPrivate: config.alertmanagerAllowPrivate,
  })
  return { text, routing, ignored, problems: [...problems, ...more] }
}

/** @throws CodedError `config.invalid` naming file and line: nobody is told by half a tree */
export function loadRouting(config: AlertingConfig): RoutingFile {
  const read = readRouting(config)
  const [problem] = read.problems
  if (problem) {
    const [file, cause] = formatProblem(problem).split(/: (.*)/s)
    throw new CodedError('config.invalid', { file: file!, cause: cause! })
  }
  return read
}

export interface RoutingPart extends Component {
  /** Reads the file again. @returns what is wrong with it; nothing when it is in force */
  reload(): Promise<readonly SourceProblem[]>
  /** When the file in force was read. */
  readonly loadedMs: number
  /** The file in force, its secrets hidden; empty without one. */
  shown(): string
  /** What the file in force says and is not used. */
  readonly ignored: readonly Ignored[]
  /** Of the file as it lies there, while it is not the one in force. */
  readonly problems: readonly SourceProblem[]
}

export function createRoutingPart(
  config: AlertingConfig,
  first: RoutingFile,
  deps: { alerting: Pick<Alerting, 'reroute'>; clock: Clock; logger: Logger; metrics: Registry },
): RoutingPart {
  const { alerting, clock, logger } = deps
  const file = config.alertmanagerFile
  let inForce = first
  let loadedMs = clock.nowMs()
  let problems: readonly SourceProblem[] = []
  /** As it was last looked at, whether or not it is in force. */
  let seen = first.text
  let unwatch = (): void => {}
  let turn: Promise<unknown> = Promise.resolve()
  const gauges = file === '' ? undefined : createGauges(deps.metrics)
  const told = (): void => {
    gauges?.successful.set(problems.length === 0 ? 1 : 0)
    gauges?.successMs.set(loadedMs / 1000)
  }
  told()

  const load = async (): Promise<void> => {
    const read = readRouting(config)
    seen = read.text
    problems = read.problems
    if (problems.length === 0)
      try {
        await alerting.reroute(read.routing!)
        inForce = read
        loadedMs = clock.nowMs()
        logger.info({ file }, 'the Alertmanager file was read again and is in force')
      } catch (error) {
        problems = [{ file, line: 0, cause: `it could not take over: ${(error as Error).message}`, hint: '' }]
      }
    for (const problem of problems)
      logger.error({ problem: formatProblem(problem) }, 'the Alertmanager file is wrong; what it was stays in force')
    told()
  }
  const reload = (): Promise<readonly SourceProblem[]> => {
    if (file === '') return Promise.resolve([])
    const mine = turn.then(load).then(() => problems)
    turn = mine.catch(() => {})
    return mine
  }
  const changed = (): void => {
    // Others write beside it, and some editors touch a file without a change.
    if (readRoutingText(file) !== seen) void reload()
  }

  return {
    name: 'alertmanager-file',
    reload,
    start: async () => {
      if (file !== '') unwatch = watchDirectory(dirname(resolve(file)), changed)
    },
    stop: async () => {
      unwatch()
      await turn
    },
    health: () =>
      problems.length === 0
        ? { state: 'ok', detail: '' }
        : {
            state: 'degraded',
            detail: `${formatProblem(problems[0]!)}. The file as it was at ${new Date(loadedMs).toISOString()} stays in force.`,
          },
    shown: () => (inForce.text === '' ? '' : withoutSecrets(inForce.text)),
    get loadedMs() {
      return loadedMs
    },
    get ignored() {
      return inForce.ignored
    },
    get problems() {
      return problems
    },
  }
}

function readRoutingText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function createGauges(metrics: Registry) {
  const registers = [metrics]
  return {
    successful: new Gauge({
      name: 'guanlan_alertmanager_config_last_reload_successful',
      help: 'Whether the Alertmanager file as it was last read is in force',
      registers,
    }),
    successMs: new Gauge({
      name: 'guanlan_alertmanager_config_last_reload_success_timestamp_seconds',
      help: 'When the Alertmanager file in force was read',
      registers,
    }),
  }
}
