// Which part of the province is looked at: in the URL (?region=…&department=…), sent along with every question.
import { page } from '$app/state'

export const scopeNames = ['region', 'department'] as const

/** The part of the URL that says where, for links and requests. */
export function scopeParams(): Record<string, string | undefined> {
  const { searchParams } = page.url
  return Object.fromEntries(scopeNames.map((name) => [name, searchParams.get(name) ?? undefined]))
}

/** What the server cuts to a part. Prometheus's own API knows no parts. */
export function isCut(path: string): boolean {
  return path.startsWith('/api/') && !path.startsWith('/api/v1/') && !path.startsWith('/api/v2/')
}
