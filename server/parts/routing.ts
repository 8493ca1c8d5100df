// The Alertmanager file that guanlan.yaml names.
import { readFileSync } from 'node:fs'
import type { AlertingConfig } from '#alerts/config.ts'
import { type Routing, readAlertmanagerFile } from '#alerts/routing/alertmanager-file.ts'
import { integrate } from '#alerts/routing/integrations.ts'
import { CodedError } from '#core/errors.ts'
import { formatProblem, type SourceProblem } from '#core/yaml-source.ts'

export function readRouting(config: AlertingConfig): { routing?: Routing | undefined; problems: SourceProblem[] } {
  const file = config.alertmanagerFile
  if (file === '') return { problems: [] }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const cause = `alerts.alertmanagerFile cannot be read: ${(error as Error).message}`
    return { problems: [{ file, line: 0, cause, hint: '' }] }
  }
  const { routing, problems } = readAlertmanagerFile(file, text)
  const { problems: more } = integrate(routing, config.receivers, {
    file,
    allowPrivate: config.alertmanagerAllowPrivate,
  })
  return { routing, problems: [...problems, ...more] }
}

/** @throws CodedError `config.invalid` naming file and line: nobody is told by half a tree */
export function loadRouting(config: AlertingConfig): Routing | undefined {
  const { routing, problems } = readRouting(config)
  const [problem] = problems
  if (problem) {
    const [file, cause] = formatProblem(problem).split(/: (.*)/s)
    throw new CodedError('config.invalid', { file: file!, cause: cause! })
  }
  return routing
}
