export const roles = ['admin', 'operator', 'analyst', 'leader', 'auditor'] as const
export type Role = (typeof roles)[number]
