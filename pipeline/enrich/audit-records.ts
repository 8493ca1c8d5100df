// The kernel writes one audited action as several records: SYSCALL says who and with which program, EXECVE the arguments,
// CWD where, PATH which files. Each stays an event of its own, for rules ask for single records; here the records of one
// action that came in one batch tell each other what they know. Nothing is held back for that: records that a sender
// splits between two batches stay as they are.
import type { Event, FieldValue } from '#core/event.ts'

const dataset = 'auditd.log'
/** What a record may learn from the others of its action. */
const shared = [
  'event.outcome',
  'process.args',
  'process.command_line',
  'process.executable',
  'process.name',
  'process.parent.pid',
  'process.pid',
  'process.title',
  'process.working_directory',
  'rule.name',
  'user.audit.id',
  'user.audit.name',
  'user.effective.id',
  'user.effective.name',
  'user.id',
  'user.name',
]
const pathsMax = 64

/** Completes audit records in place. */
export function joinAuditRecords(events: readonly Event[]): void {
  let groups: Map<string, Event[]> | undefined
  for (const event of events) {
    if (event['event.dataset'] !== dataset) continue
    groups ??= new Map()
    const key = `${event['host.name'] ?? ''} ${event['@timestamp']} ${event['auditd.sequence']}`
    const group = groups.get(key)
    if (group) group.push(event)
    else groups.set(key, [event])
  }
  if (groups) for (const group of groups.values()) if (group.length > 1) join(group)
}

function join(group: readonly Event[]): void {
  const known = new Map<string, FieldValue>()
  const paths: string[] = []
  for (const event of group) {
    for (const name of shared) {
      const value = event[name]
      if (value !== undefined && !known.has(name)) known.set(name, value)
    }
    const path = event['file.path']
    if (event['auditd.message_type'] === 'PATH' && typeof path === 'string' && paths.length < pathsMax) paths.push(path)
  }
  for (const event of group) {
    for (const [name, value] of known) event[name] ??= value
    if (paths.length > 0) event['auditd.paths'] = paths
  }
}
