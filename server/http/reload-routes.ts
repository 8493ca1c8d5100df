// `/-/reload`, as in Prometheus and Alertmanager, for those who change files by program.
import { CodedError } from '#core/errors.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { writeAudit } from '#stores/state/audit.ts'
import type { Parts } from '../parts.ts'
import { type App, describeRoute } from './endpoint.ts'
import { principalOf, requireRight } from './guard.ts'

export function reloadRoutes(app: App, { reload, state }: Pick<Parts, 'reload' | 'state'>): void {
  const path = '/-/reload'
  describeRoute(app, 'post', path, 'Read parsers, rules and the Alertmanager file again', 'rules', 'text/plain')
  app.on(['POST', 'PUT'], [path], requireRight('users.manage', 'write'), async (context) => {
    const problems = await reload()
    const [first] = problems
    await writeAudit(state.database, principalOf(context).actor, 'config.reload', 'files', {
      problems: problems.length,
    })
    if (!first) return context.body(null, 200)
    const [file, cause] = formatProblem(first).split(/: (.*)/s) as [string, string]
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
    throw new CodedError('config.invalid', { file, cause: `${cause}${more}` })
  })
}
