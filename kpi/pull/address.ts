// A source reaches the addresses that it was allowed and no others: the answer of the name is checked, and the connection
// is made to a checked answer.
import { lookup } from 'node:dns'
import { connect, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { type Connect, connectTimeoutMs } from './database.ts'

export class AddressNotAllowed extends Error {}

/** @param isPublic what needs no leave; everything else must be named by the source */
export function createConnect(isPublic: (address: string) => boolean): Connect {
  return (host, port, allow) => {
    const check = (address: string): void => {
      if (!isPublic(address) && !allow.some((one) => covers(one, address)))
        throw new AddressNotAllowed(
          `${host === address ? host : `${host} (${address})`} is not a public address and not in \`allow\``,
        )
    }
    // Node asks no lookup for an address.
    if (ipaddr.isValid(host)) check(host)
    const guarded: LookupFunction = (name, options, callback) => {
      lookup(name, { ...options, all: true }, (error, addresses) => {
        if (error) return callback(error, '', 0)
        try {
          for (const { address } of addresses) check(address)
        } catch (refused) {
          return callback(refused as Error, '', 0)
        }
        if (options.all) return callback(null, addresses)
        const [first] = addresses
        if (!first) return callback(new Error(`${name} has no address`), '', 0)
        callback(null, first.address, first.family)
      })
    }
    const socket = connect({ host, port, lookup: guarded, noDelay: true, keepAlive: true })
    // Only until it is connected: a long query is quiet for longer.
    socket.setTimeout(connectTimeoutMs, () => {
      const late = Object.assign(new Error(`no answer from ${host}:${port}`), { code: 'ETIMEDOUT' })
      socket.destroy(late)
    })
    socket.once('connect', () => socket.setTimeout(0))
    return socket
  }
}

function covers(allowed: string, address: string): boolean {
  try {
    const parsed = ipaddr.process(address)
    if (!allowed.includes('/')) return ipaddr.process(allowed).toString() === parsed.toString()
    const [network, bits] = ipaddr.parseCIDR(allowed)
    return network.kind() === parsed.kind() && parsed.match([network, bits] as [ipaddr.IPv4, number])
  } catch {
    // A text that is no address allows nothing.
    return false
  }
}
