// What an event says of the account and of the host that it names.
import type { Event, FieldValue } from '#core/event.ts'

export const relations = ['host', 'network', 'country', 'agent', 'process', 'user'] as const
export type Relation = (typeof relations)[number]
export const measures = ['failed', 'bytes', 'events'] as const
export type Measure = (typeof measures)[number]

export interface Facts {
  atMs: number
  eventId: string
  /** `user:wei`, `host:web-1` */
  entity: string
  /** Those whom it is compared with: kind and department. */
  group: string
  /** The inventory says so; otherwise the first that it was seen in stays, and an intruder moves nobody. */
  isGroupSure: boolean
  /** A failed attempt teaches nothing of what the account does, and makes no account. */
  isFailure: boolean
  seen: readonly (readonly [Relation, string])[]
  action: string
  failed: number
  bytes: number
}

const valueCharsMax = 120
/** What the observatory itself notes of something that was seen is nobody's doing a second time. */
const ownDatasets = 'guanlan.'
const nobody = new Set(['', '-', 'unknown', '(unknown)', 'n/a', 'none', 'null', 'anonymous'])

/**
 * Of one event, at most an account and a host. The first field that is there counts.
 * @param departmentOf what the inventory knows of an account or host: an event names the department of its host alone
 */
export function factsOf(event: Event, departmentOf: (name: string) => string = () => ''): Facts[] {
  if (String(event['event.dataset'] ?? '').startsWith(ownDatasets)) return []
  const host = text(event, 'host.name', 'Computer', 'Hostname').toLowerCase()
  const user = accountOf(text(event, 'user.name', 'TargetUserName', 'SubjectUserName', 'User', 'userIdentity.userName'))
  if (host === '' && user === '') return []
  const department = text(event, 'guanlan.department')
  const isFailure = event['event.outcome'] === 'failure' || text(event, 'errorCode') !== ''
  const isSignIn = includes(event['event.category'], 'authentication')
  const common = {
    ...{ atMs: event['@timestamp'], eventId: event['event.id'], isFailure, failed: isFailure && isSignIn ? 1 : 0 },
    bytes: number(event, 'source.bytes', 'network.bytes', 'http.response.body.bytes', 'BytesSent'),
    action: actionOf(event),
  }
  const facts: Facts[] = []
  if (user !== '') {
    const network = networkOf(text(event, 'source.ip', 'source.address', 'client.ip', 'IpAddress', 'sourceIPAddress'))
    const seen = pairs([
      ['host', host],
      ['network', network],
      ['country', text(event, 'source.geo.country_iso_code')],
      ['agent', agentOf(text(event, 'user_agent.original', 'userAgent'))],
    ])
    const own = departmentOf(user)
    const group = { group: `user/${own || department}`, isGroupSure: own !== '' }
    facts.push({ ...common, entity: `user:${user}`, ...group, seen })
  }
  if (host !== '') {
    const process = baseName(
      text(event, 'process.executable', 'Image', 'NewProcessName', 'process.name', 'ProcessName'),
    )
    const seen = pairs([
      ['process', process],
      ['user', user],
    ])
    const own = departmentOf(host)
    const group = { group: `host/${own || department}`, isGroupSure: own !== '' || department !== '' }
    facts.push({ ...common, entity: `host:${host}`, ...group, seen })
  }
  return facts
}

const pairs = (all: readonly (readonly [Relation, string])[]): (readonly [Relation, string])[] =>
  all.filter(([, value]) => value !== '').map(([name, value]) => [name, value.slice(0, valueCharsMax)] as const)

function text(event: Event, ...fields: string[]): string {
  for (const field of fields) {
    const value = event[field]
    if (typeof value === 'string' && value !== '') return value
  }
  return ''
}

function number(event: Event, ...fields: string[]): number {
  for (const field of fields) {
    const value = event[field]
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  }
  return 0
}

/** Without domain, in lower case; machines are no accounts. */
function accountOf(name: string): string {
  const account = name.slice(name.lastIndexOf('\\') + 1).toLowerCase()
  return nobody.has(account) || account.endsWith('$') || account.length > valueCharsMax ? '' : account
}

function actionOf(event: Event): string {
  const action = text(event, 'event.action', 'eventName')
  if (action !== '') return action.slice(0, 64)
  const code = event['event.code'] ?? event['EventID']
  return `${event['event.dataset']}${code === undefined || code === null ? '' : `:${String(code).slice(0, 16)}`}`
}

/** The /24 of an IPv4 address, the /48 of an IPv6 one: people move within. Empty for what is no address. */
export function networkOf(address: string): string {
  const four = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/i.exec(address)?.[1]
  if (four) return `${four}.0/24`
  if (!/^[0-9a-f:]*:[0-9a-f:]*$/i.test(address)) return ''
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head.split(':').filter(Boolean)
  if (tail !== undefined) {
    const rest = tail.split(':').filter(Boolean)
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return `${groups
    .slice(0, 3)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/48`
}

/** The program, not its version: an update is no stranger. */
const agentOf = (agent: string): string =>
  agent === '-'
    ? ''
    : agent
        .replace(/[\d._]+/g, '')
        .replace(/\s+/g, ' ')
        .trim()
const baseName = (path: string): string =>
  path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1).toLowerCase()

function includes(value: FieldValue | undefined, wanted: string): boolean {
  return Array.isArray(value) ? value.includes(wanted) : value === wanted
}
