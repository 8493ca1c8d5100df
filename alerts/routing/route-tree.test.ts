import { expect, test } from 'vitest'
import { readRouteTree } from './route-tree.ts'

const file = `route:
  receiver: everyone
  group_by: [alertname]
  mute_time_intervals: [nights]
  routes:
    - matchers: ['team=~"db|sql"', '{severity!="info"}']
      receiver: database
      group_by: ['...']
      continue: true
      routes:
        - match: { severity: critical }
          receiver: pager
    - match_re: { team: 'd.' }
      receiver: copy
receivers: [{ name: everyone }, { name: database }, { name: pager }, { name: copy }]
`
const receivers = (labels: Record<string, string>): string[] =>
  readRouteTree('a.yml', file).tree!(labels).map((route) => route.receiver)

test('an alert goes to the deepest route that matches, and on where continue is set', () => {
  expect(receivers({ team: 'db', severity: 'critical' })).toEqual(['pager', 'copy'])
  expect(receivers({ team: 'sql', severity: 'warning' })).toEqual(['database'])
  expect(receivers({ team: 'db', severity: 'info' })).toEqual(['copy'])
  expect(receivers({ team: 'dbx' })).toEqual(['everyone'])
})

test('a child has what its parent says, but for time intervals', () => {
  const [route] = readRouteTree('a.yml', file).tree!({ team: 'db', severity: 'critical' })
  expect(route).toMatchObject({ path: 'route.routes[0].routes[0]', groupBy: ['...'], groupWait: '30s' })
  expect(route!.muteTimeIntervals).toEqual([])
})

test('a route to nobody and a bad matcher are named with their line', () => {
  const broken = file.replace('receiver: pager', 'receiver: pagr').replace('team=~"db|sql"', 'team~db')
  const { tree, problems } = readRouteTree('a.yml', broken)
  expect(tree).toBeUndefined()
  expect(problems.map(({ line }) => line).sort((a, b) => a - b)).toEqual([6, 12])
})
