// Datagrams that the kernel dropped because our buffer was full: the last column of /proc/net/udp and udp6 (Linux,
// net/ipv4/udp.c, udp4_format_sock). It begins at 0 with each socket.
import { readFileSync } from 'node:fs'

/** @returns undefined where there is no /proc, or the socket is not in it */
export function readKernelDrops(port: number, family: 'udp4' | 'udp6'): number | undefined {
  let text: string
  try {
    text = readFileSync(family === 'udp6' ? '/proc/net/udp6' : '/proc/net/udp', 'latin1')
  } catch {
    return undefined
  }
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const line of text.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/)
    if (columns[1]?.endsWith(wanted)) return Number(columns[12])
  }
  return undefined
}
