// ECS: what a line gives as an address goes to `*.address`, and then to `*.ip` or `*.domain`, whichever it is.
import { isIP } from 'node:net'
import type { Flat } from './flatten.ts'

const sides = ['source', 'destination', 'client', 'server'] as const
const names = sides.map((side) => ({ address: `${side}.address`, ip: `${side}.ip`, domain: `${side}.domain` }))

export function completeAddresses(event: Flat): void {
  for (const { address, ip, domain } of names) {
    const value = event[address]
    if (typeof value !== 'string' || value === '') {
      const given = event[ip]
      if (typeof given === 'string') event[address] = given
      continue
    }
    const text = value.startsWith('::ffff:') ? value.slice(7) : value
    if (isIP(text) !== 0) event[ip] ??= text
    else event[domain] ??= text
  }
}
