// The routing tree, a try of it, and tests of receivers.
import type { RouteView } from '#alerts/queries/routing.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { principalOf } from './guard.ts'
import * as api from './notification-api.ts'

const tag = 'alerts'
const read = { right: 'read', scope: 'read' } as const

export function notificationRoutes(
  app: App,
  { alerting, routing: file, config }: Pick<Parts, 'alerting' | 'routing' | 'config'>,
): void {
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/notifications/routing', summary: 'The routing tree, and what goes where now' },
      ...{ tag, access: read, response: api.Routing },
    },
    async () => {
      const routing = await alerting.routing()
      if (!routing)
        return { file: '', routes: [], intervals: [], receivers: [], loadedMs: 0, problems: [], ignored: [] }
      const { root, ...rest } = routing
      const { loadedMs, problems, ignored } = file
      return {
        ...{ file: config.alerts.alertmanagerFile, routes: [...flat(root, 0)], ...rest },
        ...{ loadedMs, problems: [...problems], ignored: [...ignored] },
      }
    },
  )
  endpoint(
    app,
    {
      ...{
        method: 'post',
        path: '/api/notifications/routing/test',
        summary: 'Where an alert with these labels would go',
      },
      ...{ tag, access: read, body: api.RouteTestBody, response: api.RouteTest },
    },
    ({ body }) => ({ routes: alerting.routesOf(body.labels) }),
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/receivers/test', summary: 'Send a test notification, at once' },
      ...{
        tag,
        access: { right: 'alerts.handle', scope: 'write' },
        body: api.ReceiverTestBody,
        response: api.ReceiverTest,
      },
    },
    ({ body, context }) => alerting.testReceiver(principalOf(context).actor, body.name),
  )
}

function* flat(
  { routes, ...route }: RouteView,
  depth: number,
): Generator<Omit<RouteView, 'routes'> & { depth: number }> {
  yield { ...route, depth }
  for (const child of routes) yield* flat(child, depth + 1)
}
