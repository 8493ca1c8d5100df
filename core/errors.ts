// The error catalogue. Users see code, message and hint; anything without a code is shown as
// "Internal error" with an id, and the operator's log has the rest.

export interface ErrorEntry {
  /** HTTP status when it reaches a client. */
  status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 503 | 507
  /** `{name}` is replaced by the value given. */
  message: string
  /** What to do next. */
  hint: string
}

/** One entry per code, sorted by code. Areas add theirs here so that none is used twice. */
export const errorCatalogue = {
  'alerts.overloaded': {
    status: 503,
    message: 'More findings are arriving than can be written',
    hint: 'Retry after the time given; check the state database and the rule that finds so much.',
  },
  'alerts.subscribers': {
    status: 503,
    message: 'The alert feed has {limit} subscribers, as many as are allowed',
    hint: 'Close some, or raise alerts.subscribersMax.',
  },
  'alerts.unreadable': {
    status: 422,
    message: 'The alert list could not be read: {cause}',
    hint: 'Give CSV with a heading or JSON lines, with a time and a name: see docs/security/correlation.md.',
  },
  'auth.credentials': {
    status: 401,
    message: 'The name or the password is wrong',
    hint: 'Check both; after five failures the account waits a minute.',
  },
  'auth.csrf': {
    status: 403,
    message: 'The request did not come from this site',
    hint: 'Reload the page and try again.',
  },
  'auth.forbidden': {
    status: 403,
    message: 'The role {role} may not {action}',
    hint: 'Ask an administrator for the right.',
  },
  'auth.nobody': {
    status: 403,
    message: 'The token "{name}" is nobody’s, and here a person has to answer for it',
    hint: 'Sign in, or make the token for somebody: guanlan token create NAME --for USER.',
  },
  'auth.outside': {
    status: 403,
    message: 'This reaches beyond the region and department that you answer for',
    hint: 'Ask an administrator who answers for the whole, or narrow what you ask for.',
  },
  'auth.required': {
    status: 401,
    message: 'Sign in first',
    hint: 'Sign in, or send an API token as "Authorization: Bearer …".',
  },
  'body.encoding': {
    status: 415,
    message: 'Content-Encoding {encoding} is not supported',
    hint: 'Send gzip, deflate, zstd, snappy or no encoding, as the endpoint allows.',
  },
  'body.invalid': {
    status: 400,
    message: 'The body could not be read: {cause}',
    hint: 'See the OpenAPI document at /api/openapi.json.',
  },
  'body.too-deep': {
    status: 400,
    message: 'The body is nested deeper than {limit} levels',
    hint: 'Flatten the structure.',
  },
  'body.too-many': { status: 413, message: 'More than {limit} records in one request', hint: 'Send smaller batches.' },
  'body.too-large': { status: 413, message: 'The body is larger than {limit} bytes', hint: 'Send smaller batches.' },
  'body.type': {
    status: 415,
    message: 'The content type {type} is not understood here',
    hint: 'Send application/x-protobuf with proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request.',
  },
  'bundle.too-large': {
    ...{ status: 413, message: 'The evidence of this figure is larger than {limit} bytes' },
    hint: 'Ask for less: a shorter period, or one department or city with --only.',
  },
  'bundle.too-many': {
    ...{ status: 413, message: 'More than {limit} versions of cases belong to this figure' },
    hint: 'Ask for less: a shorter period, or one department or city with --only.',
  },
  'command.invalid': { status: 400, message: '{cause}', hint: 'The command with --help says what there is.' },
  'config.invalid': {
    status: 422,
    message: '{file}: {cause}',
    hint: 'Run "guanlan check" for every problem with file and line.',
  },
  conflict: { status: 409, message: '{what} was changed by someone else', hint: 'Reload and apply the change again.' },
  'data.locked': {
    status: 409,
    message: 'The data directory {path} is in use by process {pid}',
    hint: 'Stop that process, or give this one another directory with GUANLAN_DATA.',
  },
  'host.unknown': {
    status: 403,
    message: 'This server is not known as {host}',
    hint: 'Add the name to http.hosts, or use the address.',
  },
  'incident.close': {
    status: 422,
    message: 'The incident {number} cannot be closed: {cause}',
    hint: 'Write down the cause and the lessons; what had to be reported must be reported first.',
  },
  'incident.conflict': {
    status: 409,
    message: 'The incident {number} was changed by {by} at {at}: you saw version {seen}, it is at {version}',
    hint: 'Nothing of yours was written. Look at what changed, and do it again if it is still right.',
  },
  'incident.evidence': {
    status: 500,
    message: 'The evidence {name} is not what was put in: {cause}',
    hint: 'The damage is in its chain of custody. Restore data/evidence from a backup, and look for who could write there.',
  },
  'incident.invalid': { status: 422, message: '{cause}', hint: '{hint}' },
  'incident.merged': {
    status: 409,
    message: 'The incident {number} is part of {into} by now',
    hint: 'Work on that one.',
  },
  'kpi.approval': {
    status: 409,
    message: '{what} needs two people besides the one who proposed it',
    hint: 'Ask someone else who may approve.',
  },
  'kpi.brief-damaged': {
    status: 500,
    message: 'The {format} of {issue} is not what was issued',
    hint: 'Restore the state from a backup, and look for who could write there.',
  },
  'kpi.brief-sending': {
    status: 409,
    message: '{receiver} is being told of it already',
    hint: 'Wait for the outcome.',
  },
  'kpi.brief-there': {
    status: 409,
    message: '{issue} cannot be issued: {cause}',
    hint: 'Issues are never changed: what is different now is in the next one.',
  },
  'kpi.definition': { status: 422, message: 'The definition {kpi}: {cause}', hint: '{hint}' },
  'kpi.field': { status: 400, message: 'A case has no field {name}', hint: '{hint}' },
  'kpi.frozen': {
    status: 409,
    message: 'The figures of {period} are frozen',
    hint: 'What changes now is a restatement: propose it with its cause.',
  },
  'kpi.input': { status: 422, message: '{file}{row}: {cause}', hint: '{hint}' },
  'kpi.not-red': {
    status: 409,
    message: 'The figure misses no target',
    hint: 'A task is given for a figure that does.',
  },
  'kpi.not-yours': { status: 403, message: 'Only who raised it may withdraw it', hint: 'Ask them, or settle it.' },
  'kpi.outdated': {
    status: 409,
    message: 'The publication {version} was compared with a catalogue that has changed since',
    hint: 'Refuse it, and propose the change again.',
  },
  'kpi.own-case': {
    status: 409,
    message: 'It cannot be settled by who asked, who answered, or the department itself',
    hint: 'Somebody else has to judge it.',
  },
  'kpi.release': { status: 409, message: 'The release of {period}: {cause}', hint: '{hint}' },
  'kpi.second-person': {
    status: 409,
    message: '{what} was proposed by you',
    hint: 'Somebody else has to publish it.',
  },
  'kpi.switch': { status: 400, message: 'The KPI {kpi} has no choice {given}', hint: '{hint}' },
  'ledger.conflict': {
    status: 409,
    message: 'The ledger holds {kind} {id} version {version} with other content',
    hint: 'A version never changes: send the correction as a new version.',
  },
  'ledger.damaged': {
    status: 500,
    message: 'The ledger in {path} is damaged: {cause}',
    hint: 'Restore the directory from a backup; a witness knows which roots are true.',
  },
  'ledger.key': {
    status: 500,
    message: 'The key file {path} cannot be used: {cause}',
    hint: 'Set its mode to 0600, or name another file.',
  },
  'listen.failed': {
    status: 500,
    message: 'Cannot listen on {address}: {cause}',
    hint: 'Give another address or port with {setting}.',
  },
  'log.corrupt': {
    status: 500,
    message: 'The log segment {file} is damaged: records {from} to {to} are lost',
    hint: 'The segment was set aside in quarantine/. Restore it from a backup if the records matter.',
  },
  'log.full': {
    status: 503,
    message: 'There is no room on the disk that holds {path}',
    hint: 'Free some space; receiving resumes by itself.',
  },
  'log.overloaded': {
    status: 503,
    message: 'More is arriving than can be written',
    hint: 'Retry after the time given in Retry-After.',
  },
  'method.not-allowed': {
    status: 405,
    message: '{method} is not allowed here',
    hint: 'See the OpenAPI document at /api/openapi.json.',
  },
  'not-found': { status: 404, message: '{what} does not exist', hint: 'Check the address or the id.' },
  'option.invalid': { status: 400, message: '{cause}', hint: '{hint}' },
  'pull.address': {
    status: 422,
    message: 'The source {source} may not connect there: {cause}',
    hint: 'If the address is meant, name it or its network in `allow` of the source.',
  },
  'pull.cursor': { status: 422, message: 'The cursor of the source {source}: {cause}', hint: '{hint}' },
  'pull.failed': {
    status: 503,
    message: 'The source {source} could not be read: {cause}',
    hint: 'It is tried again; "guanlan kpi pull check" tells more.',
  },
  'pull.refused': {
    status: 422,
    message: 'The database of {source} refuses: {cause}',
    hint: 'Check user and password, and GRANT SELECT on what the source reads.',
  },
  'pull.rights': {
    status: 422,
    message: 'The account of the source {source} may do more than read: {rights}',
    hint: 'Give it an account that may only SELECT, or set `excessRights: warn`.',
  },
  'pull.shape': {
    status: 422,
    message: 'What the source {source} reads has changed: {cause}',
    hint: 'Correct the mapping or the table; reading goes on where it stopped.',
  },
  'pull.slow': {
    status: 503,
    message: 'The database of {source} took too long: {cause}',
    hint: 'An index on the cursor columns (updated, id) helps; or raise statementTimeout, or lower pageRows.',
  },
  'pull.source': { status: 422, message: 'The source {source}: {cause}', hint: '{hint}' },
  'pull.tls': {
    status: 422,
    message: 'The connection of {source} cannot be made safe: {cause}',
    hint: 'Give tls.caFile, and tls.serverName when the certificate names another host; tls.mode off sends in the clear.',
  },
  'pull.types': {
    status: 422,
    message: 'A column that the source {source} reads has another type now: {cause}',
    hint: 'Look at what changed; then "guanlan kpi pull accept {source}", and reading goes on where it stopped.',
  },
  'pull.unreachable': {
    status: 503,
    message: 'The database of {source} cannot be reached: {cause}',
    hint: 'It is tried again by itself, and goes on where it stopped.',
  },
  'query.canceled': { status: 503, message: 'The query was canceled', hint: 'Run it again.' },
  'query.failed': { status: 422, message: '{cause}', hint: '{hint}' },
  'query.invalid': { status: 400, message: '{cause} at position {position}', hint: '{hint}' },
  'query.limit': {
    status: 422,
    message: 'The query would {what}, more than the limit of {limit}',
    hint: 'Narrow the time range or add a filter.',
  },
  'query.memory': {
    status: 503,
    message: 'There is not enough memory for this query now',
    hint: 'Try again, narrow the time range, or raise events.memoryBytesMax.',
  },
  'query.resolution': {
    status: 400,
    message: 'The query would have {count} steps, more than the limit of {limit}',
    hint: 'Take a larger step or a shorter range.',
  },
  'query.timeout': {
    status: 503,
    message: 'The query took longer than {limit} s',
    hint: 'Narrow the time range or add a filter.',
  },
  'rate.limited': { status: 429, message: 'Too many requests', hint: 'Wait {seconds} s and try again.' },
  'regex.unsupported': {
    status: 400,
    message: 'The regular expression {pattern} cannot run in linear time: {cause}',
    hint: 'Use RE2 syntax: no look-around and no back-references.',
  },
  'restore.not-empty': {
    status: 409,
    message: 'There is something in {what} already',
    hint: 'Name a new, empty place.',
  },
  'rule.invalid': { status: 422, message: '{file}:{line}: {cause}', hint: '{hint}' },
  'sensitive.key': {
    status: 500,
    message: 'The key file {path} cannot be used: {cause}',
    hint: 'Set its mode to 0600, or restore it from a backup; without it nothing seen before can be traced.',
  },
  'silence.invalid': {
    status: 400,
    message: 'The silence cannot be set: {cause}',
    hint: 'See docs/alerts.md, Silences.',
  },
  'setup.used': {
    status: 403,
    message: 'The setup link was used or has expired',
    hint: 'Run "npx guanlan user add" on the machine itself.',
  },
  'store.unavailable': {
    status: 503,
    message: 'The {store} store is not available: {cause}',
    hint: 'What is received is kept in the log and applied when the store is back.',
  },
  'store.unsupported': {
    status: 422,
    message: 'The remote metric store does not offer {what}',
    hint: 'See docs/metrics-remote.md; the embedded engine offers it.',
  },
  'user.exists': { status: 409, message: 'There is a user {name} already', hint: 'Choose another name.' },
  'user.last-admin': {
    status: 409,
    message: 'Nobody would be left who may manage users',
    hint: 'Make someone else an admin first.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errorCatalogue

export type ErrorValues = Record<string, string | number>

/** An error a user may see. `values` fill the placeholders of its catalogue entry. */
export class CodedError extends Error {
  readonly code: ErrorCode
  readonly values: ErrorValues
  readonly hint: string
  readonly status: ErrorEntry['status']
  /** For 429 and 503: how long the sender should wait. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    values: ErrorValues = {},
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    const entry: ErrorEntry = errorCatalogue[code]
    super(fill(entry.message, values), { cause: options.cause })
    this.name = 'CodedError'
    this.code = code
    this.values = values
    this.hint = fill(entry.hint, values)
    this.status = entry.status
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

function fill(template: string, values: ErrorValues): string {
  return template.replace(/\{([a-zA-Z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  )
}
