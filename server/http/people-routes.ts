import { z } from '@hono/zod-openapi'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { CodedError } from '#core/errors.ts'
import type { NewSession, People } from '../auth/people.ts'
import * as api from './api.ts'
import { type App, endpoint } from './endpoint.ts'
import { principalOf, sessionCookie } from './guard.ts'

export function peopleRoutes(app: App, people: People, secureCookies: boolean): void {
  const cookie = (session: NewSession) =>
    ({
      httpOnly: true,
      sameSite: 'Strict',
      secure: secureCookies,
      path: '/',
      expires: new Date(session.expiresMs),
    }) as const
  const shown = ({ secret: _, ...session }: NewSession) => session
  const manage = { right: 'users.manage', scope: 'write' } as const
  const tag = 'people'

  endpoint(
    app,
    {
      method: 'post',
      path: '/api/session',
      summary: 'Sign in',
      tag,
      access: 'open',
      body: api.SignIn,
      response: api.Session,
    },
    async ({ body, context }) => {
      const session = await people.signIn(body.name, body.password, context.get('peer'))
      setCookie(context, sessionCookie, session.secret, cookie(session))
      return shown(session)
    },
  )
  endpoint(
    app,
    { method: 'get', path: '/api/session', summary: 'Who is signed in', tag, access: 'open', response: api.Session },
    async ({ context }) => {
      const secret = getCookie(context, sessionCookie)
      const session = secret ? await people.session(secret, context.get('peer')) : undefined
      if (!session) throw new CodedError('auth.required')
      return session.info
    },
  )
  endpoint(
    app,
    { method: 'delete', path: '/api/session', summary: 'Sign out', tag, access: 'open', response: z.object({}) },
    async ({ context }) => {
      const secret = getCookie(context, sessionCookie)
      if (secret) await people.signOut(secret, principalOf(context).actor)
      deleteCookie(context, sessionCookie, { path: '/' })
      return {}
    },
  )
  const SetupState = z.object({ valid: z.boolean() })
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/setup', summary: 'Whether a setup link can be used', tag, access: 'open' },
      query: z.object({ token: z.string().default('') }),
      response: SetupState,
    },
    async ({ query }) => ({ valid: await people.setupValid(query.token) }),
  )
  endpoint(
    app,
    {
      method: 'post',
      path: '/api/setup',
      summary: 'Create the first admin',
      tag,
      access: 'open',
      body: api.Setup,
      response: api.Session,
    },
    async ({ body, context }) => {
      const session = await people.setup(body.token, body.name, body.password, context.get('peer'))
      setCookie(context, sessionCookie, session.secret, cookie(session))
      return shown(session)
    },
  )

  endpoint(
    app,
    {
      method: 'get',
      path: '/api/users',
      summary: 'Users',
      tag,
      access: { ...manage, scope: 'read' },
      response: z.object({ users: z.array(api.User) }),
    },
    async () => ({ users: await people.users() }),
  )
  endpoint(
    app,
    {
      method: 'post',
      path: '/api/users',
      summary: 'Add a user',
      tag,
      access: manage,
      body: api.NewUser,
      response: api.User,
      status: 201,
    },
    ({ body, context }) => people.addUser(principalOf(context).actor, body),
  )
  endpoint(
    app,
    {
      method: 'patch',
      path: '/api/users/{id}',
      summary: 'Change a user',
      tag,
      access: manage,
      body: api.UserChange,
      response: api.User,
    },
    ({ body, context, param }) => people.changeUser(principalOf(context).actor, param('id'), body),
  )
  endpoint(
    app,
    {
      method: 'delete',
      path: '/api/users/{id}',
      summary: 'Remove a user',
      tag,
      access: manage,
      response: z.object({}),
    },
    async ({ context, param }) => {
      await people.removeUser(principalOf(context).actor, param('id'))
      return {}
    },
  )
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/tokens',
      summary: 'API tokens',
      tag,
      access: { ...manage, scope: 'read' },
      response: z.object({ tokens: z.array(api.Token) }),
    },
    async () => ({ tokens: await people.tokens() }),
  )
  endpoint(
    app,
    {
      method: 'post',
      path: '/api/tokens',
      summary: 'Create an API token; the secret is shown once',
      tag,
      access: manage,
      body: api.NewToken,
      response: api.CreatedToken,
      status: 201,
    },
    ({ body, context }) => people.addToken(principalOf(context).actor, body),
  )
  endpoint(
    app,
    {
      method: 'delete',
      path: '/api/tokens/{id}',
      summary: 'Remove an API token',
      tag,
      access: manage,
      response: z.object({}),
    },
    async ({ context, param }) => {
      await people.removeToken(principalOf(context).actor, param('id'))
      return {}
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/audit', summary: 'Who changed what, newest first', tag },
      access: { right: 'audit.read', scope: 'read' },
      query: z.object({
        before: z.coerce.number().int().optional(),
        limit: z.coerce.number().int().min(1).max(500).default(100),
      }),
      response: z.object({ rows: z.array(api.AuditRow), next: z.string().nullable() }),
    },
    async ({ query }) => {
      const rows = await people.audit(query.before, query.limit)
      return { rows, next: rows.length === query.limit ? rows.at(-1)!.id : null }
    },
  )
}
