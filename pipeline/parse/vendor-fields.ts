// Keys of CEF and LEEF extensions under their ECS names; what has none keeps its own below `cef.` or `leef.`.
import type { VendorEvent } from './formats.ts'

const cefNames: Record<string, string> = {
  act: 'event.action',
  app: 'network.protocol',
  cat: 'event.category_name',
  cnt: 'cef.count',
  deviceDirection: 'network.direction_code',
  destinationDnsDomain: 'destination.domain',
  dhost: 'destination.domain',
  dmac: 'destination.mac',
  dntdom: 'destination.user.domain',
  dpid: 'process.pid',
  dpt: 'destination.port',
  dst: 'destination.address',
  duid: 'destination.user.id',
  duser: 'destination.user.name',
  dvc: 'observer.ip',
  dvchost: 'observer.hostname',
  fileHash: 'file.hash.value',
  fname: 'file.name',
  filePath: 'file.path',
  fsize: 'file.size',
  in: 'source.bytes',
  msg: 'message',
  out: 'destination.bytes',
  proto: 'network.transport',
  reason: 'event.reason',
  request: 'url.original',
  requestClientApplication: 'user_agent.original',
  requestMethod: 'http.request.method',
  outcome: 'event.outcome',
  rt: '@timestamp',
  shost: 'source.domain',
  smac: 'source.mac',
  sntdom: 'source.user.domain',
  sproc: 'process.name',
  spt: 'source.port',
  src: 'source.address',
  suid: 'source.user.id',
  suser: 'source.user.name',
  externalId: 'event.external_id',
  sourceTranslatedAddress: 'source.nat.ip',
  sourceTranslatedPort: 'source.nat.port',
  destinationTranslatedAddress: 'destination.nat.ip',
  destinationTranslatedPort: 'destination.nat.port',
}

const leefNames: Record<string, string> = {
  action: 'event.action',
  cat: 'event.category_name',
  devTime: '@timestamp',
  domain: 'user.domain',
  dst: 'destination.address',
  dstBytes: 'destination.bytes',
  dstMAC: 'destination.mac',
  dstPort: 'destination.port',
  dstPackets: 'destination.packets',
  dstPostNAT: 'destination.nat.ip',
  identHostName: 'host.name',
  proto: 'network.transport',
  src: 'source.address',
  srcBytes: 'source.bytes',
  srcMAC: 'source.mac',
  srcPort: 'source.port',
  srcPackets: 'source.packets',
  srcPostNAT: 'source.nat.ip',
  url: 'url.original',
  usrName: 'user.name',
  policy: 'rule.name',
  resource: 'leef.resource',
  msg: 'message',
  reason: 'event.reason',
}

// The CEF specification allows words for the severity; the numbers are the middles of its ranges.
const severityWords: Record<string, number> = { unknown: 0, low: 2, medium: 5, high: 8, 'very-high': 10 }
const transports: Record<string, string> = { '1': 'icmp', '6': 'tcp', '17': 'udp', '58': 'ipv6-icmp' }

export function vendorFields(
  event: VendorEvent,
  format: 'cef' | 'leef',
  put: (name: string, value: string | number) => void,
): void {
  put('observer.vendor', event.vendor)
  put('observer.product', event.product)
  if (event.version !== '') put('observer.version', event.version)
  put('event.code', event.eventId)
  if (event.name !== '') put('message', event.name)
  if (event.severity !== '') {
    put(`${format}.severity`, event.severity)
    const severity = Number(event.severity)
    const known = Number.isFinite(severity) ? severity : severityWords[event.severity.toLowerCase()]
    if (known !== undefined) put('event.severity', known)
  }
  const names = format === 'cef' ? cefNames : leefNames
  for (const [key, value] of event.extension) {
    // cs1=… cs1Label=…: the label is the name that the vendor meant.
    if (format === 'cef' && key.endsWith('Label') && event.extension.has(key.slice(0, -5))) continue
    const label = format === 'cef' ? event.extension.get(`${key}Label`) : undefined
    if (label !== undefined)
      put(
        `cef.${label
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '_')
          .slice(0, 64)}`,
        value,
      )
    else if (Object.hasOwn(names, key))
      put(names[key]!, key === 'proto' ? (transports[value] ?? value.toLowerCase()) : value)
    else put(`${format}.${key}`, value)
  }
}
