// Who asks, and what their role allows.
import { CodedError } from '#core/errors.ts'
import { isEverywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import type { Actor, Role } from '#stores/state/state.ts'

export type Scope = 'read' | 'write' | 'ingest'

export interface Principal {
  actor: Actor
  scopes: ReadonlySet<Scope>
  /** What they may see; everything when both lists are empty. */
  jurisdiction: Jurisdiction
  /** Set for people: their session's own token against requests forged by other sites. */
  csrfToken?: string
}

/** What is guarded. `ingest` is for senders and needs no role. */
export type Right =
  | 'read'
  | 'sensitive.read'
  | 'alerts.handle'
  | 'entities.write'
  | 'settings.read'
  | 'audit.read'
  | 'users.manage'
  | 'kpi.approve'
  | 'kpi.ask'
  | 'kpi.reply'

const everyone: readonly Role[] = ['admin', 'operator', 'analyst', 'leader', 'auditor']

const roles: Record<Right, readonly Role[]> = {
  read: everyone,
  'sensitive.read': ['admin', 'auditor'],
  'alerts.handle': ['admin', 'operator', 'analyst'],
  'entities.write': ['admin', 'operator'],
  'settings.read': ['admin', 'operator', 'auditor'],
  'audit.read': ['admin', 'auditor'],
  'users.manage': ['admin'],
  'kpi.approve': ['admin', 'operator', 'leader'],
  'kpi.ask': ['admin', 'operator', 'leader', 'auditor'],
  'kpi.reply': ['admin', 'operator', 'analyst', 'leader'],
}

const actions: Record<Right, string> = {
  read: 'read',
  'sensitive.read': 'see sensitive data unmasked',
  'alerts.handle': 'handle alerts',
  'entities.write': 'change the inventory',
  'settings.read': 'see the settings',
  'audit.read': 'read the audit trail',
  'users.manage': 'manage users and tokens',
  'kpi.approve': 'restate figures',
  'kpi.ask': 'ask a department',
  'kpi.reply': 'answer for a department',
}

/**
 * `within`: what is shown is cut to the jurisdiction of who asks. What cannot be cut is refused to those who have one.
 * @throws CodedError `auth.required`, `auth.forbidden` or `auth.outside`
 */
export function authorize(
  principal: Principal | undefined,
  right: Right,
  scope: Scope,
  within: 'jurisdiction' | 'everywhere' = 'everywhere',
): Principal {
  if (!principal) throw new CodedError('auth.required')
  const { role } = principal.actor
  if (role !== 'system' && !roles[right].includes(role))
    throw new CodedError('auth.forbidden', { role, action: actions[right] })
  if (!principal.scopes.has(scope))
    throw new CodedError('auth.forbidden', {
      role: `token "${principal.actor.name}"`,
      action: `use the scope ${scope}`,
    })
  if (within === 'everywhere' && !isEverywhere(principal.jurisdiction)) throw new CodedError('auth.outside')
  return principal
}

export function mayDo(role: Role, right: Right): boolean {
  return roles[right].includes(role)
}
