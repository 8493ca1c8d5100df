import type { Role, Session } from './types.ts'

class SessionState {
  current = $state<Session | undefined>()
  /** The server was asked once. */
  known = $state(false)

  may(right: 'handle' | 'manage' | 'audit' | 'settings'): boolean {
    const role = this.current?.user.role
    if (!role) return false
    const allowed: Record<typeof right, Role[]> = {
      handle: ['admin', 'operator', 'analyst'],
      manage: ['admin'],
      audit: ['admin', 'auditor'],
      settings: ['admin', 'operator', 'auditor'],
    }
    return allowed[right].includes(role)
  }
}

export const session = new SessionState()
