// Who is asking: a session's cookie, a token as Bearer, Basic or ApiKey, or a sender on this machine.

import { isIP } from 'node:net'
import type { Context, MiddlewareHandler } from 'hono'
import { getCookie } from 'hono/cookie'
import { CodedError } from '#core/errors.ts'
import { everywhere, type Jurisdiction, narrow } from '#core/jurisdiction.ts'
import { systemActor } from '#stores/state/audit.ts'
import type { People } from '../auth/people.ts'
import { authorize, type Principal, type Right, type Scope } from '../auth/principal.ts'

export const sessionCookie = 'guanlan_session'

export interface GuardDeps {
  people: People
  /** Names besides addresses and localhost under which requests are answered. */
  hosts: readonly string[]
  ingestFromLoopback: boolean
}

export interface Variables {
  peer: string
  principal: Principal | undefined
}
export type AppEnv = { Variables: Variables; Bindings: { incoming?: { socket: { remoteAddress?: string } } } }

/** Safe methods change nothing (RFC 9110 section 9.2.1). */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

export function identify({ people, hosts }: GuardDeps): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const peer = peerOf(context)
    context.set('peer', peer)
    context.set('principal', undefined)
    // A page elsewhere can make its own name point here (DNS rebinding): such a request names that host.
    if (!knownHost(context.req.header('host') ?? '', hosts))
      throw new CodedError('host.unknown', { host: context.req.header('host') ?? '' })
    const secret = tokenOf(context.req.header('authorization') ?? '')
    if (secret !== undefined) {
      const principal = await people.token(secret, peer)
      if (!principal) throw new CodedError('auth.required')
      context.set('principal', principal)
    } else {
      const cookie = getCookie(context, sessionCookie)
      const session = cookie ? await people.session(cookie, peer) : undefined
      if (session) {
        context.set('principal', session.principal)
        if (!safeMethods.has(context.req.method)) checkCsrf(context, session.principal)
      }
    }
    await next()
  }
}

export function requireRight(
  right: Right,
  scope: Scope,
  within?: 'jurisdiction' | 'everywhere',
): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    authorize(context.get('principal'), right, scope, within)
    await next()
  }
}

/** Senders: a token with scope ingest, or a process on this machine. */
export function requireIngest({ ingestFromLoopback }: GuardDeps): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const principal = context.get('principal')
    if (principal?.scopes.has('ingest')) return next()
    if (principal)
      throw new CodedError('auth.forbidden', {
        role: `token "${principal.actor.name}"`,
        action: 'use the scope ingest',
      })
    if (!ingestFromLoopback || !isLoopback(context.get('peer'))) throw new CodedError('auth.required')
    // A browser on this machine, sent by some page: no shipper says where it comes from.
    if (context.req.header('origin') !== undefined || context.req.header('sec-fetch-site') !== undefined)
      throw new CodedError('auth.csrf')
    return next()
  }
}

export function principalOf(context: Context<AppEnv>): Principal {
  return context.get('principal') ?? { actor: systemActor, scopes: new Set(), jurisdiction: everywhere }
}

/**
 * What this request may show: `region=` and `department=` of its address (each repeatable), never wider than who asks.
 * @throws CodedError `auth.outside`
 */
export function jurisdictionOf(context: Context<AppEnv>): Jurisdiction {
  const asked = {
    regions: listed(context.req.queries('region')),
    departments: listed(context.req.queries('department')),
  }
  const both = narrow(principalOf(context).jurisdiction, asked)
  if (!both) throw new CodedError('auth.outside')
  return both
}

const placesMax = 100

function listed(values: readonly string[] = []): string[] {
  return values
    .filter((value) => value !== '')
    .slice(0, placesMax)
    .map((value) => value.slice(0, 200))
}

function checkCsrf(context: Context<AppEnv>, principal: Principal): void {
  const site = context.req.header('sec-fetch-site')
  const token = context.req.header('x-csrf-token')
  if ((site !== undefined && site !== 'same-origin') || token !== principal.csrfToken) throw new CodedError('auth.csrf')
}

/** `Bearer gl_…`; Basic with the token as password (Filebeat, Grafana); `ApiKey` in Elasticsearch's form. */
function tokenOf(authorization: string): string | undefined {
  const [scheme, value] = authorization.split(/\s+/, 2) as [string, string | undefined]
  if (value === undefined) return undefined
  if (/^bearer$/i.test(scheme)) return value
  if (!/^(basic|apikey)$/i.test(scheme)) return undefined
  const text = Buffer.from(value, 'base64').toString('utf8')
  return text.slice(text.indexOf(':') + 1)
}

function peerOf(context: Context<AppEnv>): string {
  const address = context.env?.incoming?.socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function knownHost(header: string, hosts: readonly string[]): boolean {
  const host = header
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
  return host === '' || host === 'localhost' || isIP(host) !== 0 || hosts.includes(host)
}
