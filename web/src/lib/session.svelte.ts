import type { Role, Session } from './types.ts'

class SessionState {
  current = $state<Session | undefined>()
  /** The server was asked once. */
  known = $state(false)

  may(right: 'handle' | 'manage' | 'audit' | 'settings' | 'ask' | 'reply' | 'publish'): boolean {
    const role = this.current?.user.role
    if (!role) return false
    const allowed: Record<typeof right, Role[]> = {
      handle: ['admin', 'operator', 'analyst'],
      manage: ['admin'],
      audit: ['admin', 'auditor'],
      settings: ['admin', 'operator', 'auditor'],
      ask: ['admin', 'operator', 'leader', 'auditor'],
      reply: ['admin', 'operator', 'analyst', 'leader'],
      publish: ['admin', 'operator', 'leader'],
    }
    return allowed[right].includes(role)
  }

  /** They answer for departments, and judge none. */
  get isDepartment(): boolean {
    return (this.current?.user.jurisdiction.departments.length ?? 0) > 0
  }
}

export const session = new SessionState()
