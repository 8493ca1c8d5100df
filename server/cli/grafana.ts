import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { dashboards, dataSourceUid } from '../grafana/dashboards.ts'
import { type Command, misuse } from './command.ts'

export const grafana: Command = {
  usage: 'guanlan grafana export [--out DIR] [--url http://127.0.0.1:7700]',
  describe: 'Writes dashboards and the provisioning of a Grafana whose data source is this observatory',
  options: ['out', 'url'],
  async run({ positionals: [verb], options }) {
    if (verb !== 'export') return misuse(this)
    const out = typeof options['out'] === 'string' ? options['out'] : 'deploy/grafana'
    const url = typeof options['url'] === 'string' ? options['url'] : 'http://127.0.0.1:7700'
    const write = (path: string[], text: string): void => {
      mkdirSync(join(out, ...path.slice(0, -1)), { recursive: true })
      writeFileSync(join(out, ...path), text)
      console.log(join(out, ...path))
    }
    for (const board of dashboards()) write(['dashboards', `${board.uid}.json`], `${JSON.stringify(board, null, 2)}\n`)
    const source = {
      ...{ name: 'Guanlan', uid: dataSourceUid, type: 'prometheus', access: 'proxy', url, isDefault: true },
      jsonData: { httpMethod: 'POST', httpHeaderName1: 'Authorization' },
      secureJsonData: { httpHeaderValue1: 'Bearer $GUANLAN_TOKEN' },
    }
    write(['provisioning', 'datasources', 'guanlan.yaml'], stringify({ apiVersion: 1, datasources: [source] }))
    const provider = { name: 'Guanlan', type: 'file', options: { path: '/etc/grafana/dashboards/guanlan' } }
    write(['provisioning', 'dashboards', 'guanlan.yaml'], stringify({ apiVersion: 1, providers: [provider] }))
    return 0
  },
}
