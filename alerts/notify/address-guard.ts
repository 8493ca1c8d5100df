// Against server-side request forgery: an address that someone configured must not reach what only this machine can
// reach. The name is resolved first, every address is checked, and the connection is made to a checked one, so that a
// name that resolves differently a moment later (DNS rebinding) is no way around.
import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

export class AddressRefused extends Error {}

// Global unicast as assigned by IANA; everything else in IPv6 is special, unassigned or embeds an IPv4 address.
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

/** True for addresses on the open internet. Loopback, private, link-local (cloud metadata), ULA, mapped… are not. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  // ::ffff:127.0.0.1 is 127.0.0.1 to the kernel.
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast') return false
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(globalUnicast)
}

/**
 * Node asks no lookup for an address literal, so the host of the URL is checked before the request.
 * @throws AddressRefused
 */
export function checkLiteral(hostname: string): void {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (ipaddr.isValid(host) && !isPublic(host)) throw refused(host, host)
}

/** For `http.request({ lookup })`: one that is refused is an error, even when another address of the name is public. */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0)
    const bad = addresses.find(({ address }) => !isPublic(address))
    if (bad) return callback(refused(hostname, bad.address), '', 0)
    if (options.all) return callback(null, addresses)
    const first = addresses[0]
    if (!first) return callback(new Error(`${hostname} has no address`), '', 0)
    callback(null, first.address, first.family)
  })
}

function refused(host: string, address: string): AddressRefused {
  const what = host === address ? address : `${host} (${address})`
  return new AddressRefused(`${what} is not a public address; set allowPrivate where it is configured if it is meant`)
}
