import { readFileSync } from 'node:fs'
import { readAlertmanagerFile } from '#alerts/routing/alertmanager-file.ts'
import { routesFor } from '#alerts/routing/route-tree.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { type Command, misuse } from './command.ts'

export const alerts: Command = {
  usage: 'guanlan alerts routes test --file alertmanager.yml LABEL=VALUE… [--json]',
  describe: 'Says which routes and receivers of an Alertmanager file an alert with these labels goes to',
  options: ['file'],
  async run({ positionals: [noun, verb, ...pairs], options, json }) {
    const file = options['file']
    if (noun !== 'routes' || verb !== 'test' || typeof file !== 'string') return misuse(this)
    if (pairs.some((pair) => pair.indexOf('=') < 1)) return misuse(this)
    const { routing, problems } = readAlertmanagerFile(file, readFileSync(file, 'utf8'))
    for (const problem of problems) console.error(formatProblem(problem))
    if (!routing) return 1
    const cut = (pair: string): [string, string] => [
      pair.slice(0, pair.indexOf('=')),
      pair.slice(pair.indexOf('=') + 1),
    ]
    const routes = routesFor(routing.root, Object.fromEntries(pairs.map(cut)))
    if (json) console.log(JSON.stringify(routes))
    else
      for (const route of routes)
        console.log(`${route.receiver}  ${route.path}  group by ${route.groupBy.join(', ') || 'nothing'}`)
    return 0
  },
}
