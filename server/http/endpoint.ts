// One place where an endpoint gets its route, its guard, its validation and its line in the OpenAPI document.
import type { OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Right, Scope } from '../auth/principal.ts'
import { ErrorBody } from './api.ts'
import { type AppEnv, requireRight } from './guard.ts'
import { readBody, readQuery } from './request.ts'

export type App = OpenAPIHono<AppEnv>

export interface Endpoint<Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType> {
  method: 'get' | 'post' | 'patch' | 'delete'
  /** OpenAPI form: /api/alerts/{id}. */
  path: string
  summary: string
  tag: string
  /** `open`: without signing in. */
  access: 'open' | { right: Right; scope: Scope; within?: 'jurisdiction' }
  query?: Q
  body?: B
  /** A body may be larger than usual. */
  bodyBytesMax?: number
  response: R
  status?: 200 | 201 | 202
}

interface Input<Q, B> {
  query: Q
  body: B
  context: Context<AppEnv>
  param(name: string): string
}

export function endpoint<
  R extends z.ZodType,
  Q extends z.ZodType = z.ZodUndefined,
  B extends z.ZodType = z.ZodUndefined,
>(
  app: App,
  spec: Endpoint<Q, B, R>,
  handle: (input: Input<z.output<Q>, z.output<B>>) => Promise<z.input<R>> | z.input<R>,
): void {
  const { method, path, summary, tag, access, query, body, response, status = 200, bodyBytesMax } = spec
  app.openAPIRegistry.registerPath({
    method,
    path,
    summary,
    tags: [tag],
    ...(access === 'open' ? { security: [] } : {}),
    request: {
      ...(query ? { query: query as never } : {}),
      ...(body ? { body: { content: { 'application/json': { schema: body } }, required: true } } : {}),
    },
    responses: {
      [status]: { description: summary, content: { 'application/json': { schema: response } } },
      default: { description: 'What is wrong, and what to do', content: { 'application/json': { schema: ErrorBody } } },
    },
  })
  const route = path.replace(/\{(\w+)\}/g, ':$1')
  const guards = access === 'open' ? [] : [requireRight(access.right, access.scope, access.within)]
  app.on([method.toUpperCase()], [route], ...guards, async (context) => {
    const input = {
      query: query ? readQuery(context, query) : undefined,
      body: body ? await readBody(context, body, bodyBytesMax) : undefined,
      context,
      param: (name: string) => context.req.param(name as never) as string,
    }
    return context.json((await handle(input as Input<z.output<Q>, z.output<B>>)) as object, status)
  })
}

/** A line in the OpenAPI document for what is not JSON: streams, downloads, files. */
export function describeRoute(
  app: App,
  method: 'get' | 'post',
  path: string,
  summary: string,
  tag: string,
  contentType: string,
): void {
  app.openAPIRegistry.registerPath({
    method,
    path,
    summary,
    tags: [tag],
    responses: {
      200: { description: summary, content: { [contentType]: { schema: { type: 'string' } } } },
      default: { description: 'What is wrong, and what to do', content: { 'application/json': { schema: ErrorBody } } },
    },
  })
}
