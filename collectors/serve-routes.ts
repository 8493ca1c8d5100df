// For tests: a collector's routes on a port of their own, as the server mounts them.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { Collector } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'

export async function serveRoutes(collector: Collector): Promise<{ url: string; close(): Promise<void> }> {
  const app = new Hono()
  app.onError((error, context) => {
    if (!(error instanceof CodedError)) throw error
    if (error.retryAfterSeconds !== undefined) context.header('Retry-After', String(error.retryAfterSeconds))
    return context.json({ code: error.code, message: error.message }, error.status)
  })
  for (const { method, path, handle } of collector.routes ?? [])
    app.on([method], [path], (context) => handle(context.req.raw, context.req.param(), '127.0.0.1'))
  const server = await new Promise<Server>((resolve) => {
    const made = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, () => resolve(made as Server)) as Server
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
