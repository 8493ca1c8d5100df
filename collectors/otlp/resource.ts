// What sent it. OpenTelemetry's semantic conventions and ECS mostly agree; where they do not, ECS's name is used.
const renamed: Record<string, string> = {
  'service.instance.id': 'service.node.name',
  'deployment.environment': 'service.environment',
  'deployment.environment.name': 'service.environment',
  'host.arch': 'host.architecture',
  'os.type': 'host.os.type',
  'os.description': 'host.os.full',
  'k8s.cluster.name': 'orchestrator.cluster.name',
  'k8s.namespace.name': 'orchestrator.namespace',
  'k8s.pod.name': 'kubernetes.pod.name',
  'k8s.node.name': 'kubernetes.node.name',
  'container.image.tag': 'container.image.tag',
  'telemetry.sdk.language': 'service.language.name',
  'exception.type': 'error.type',
  'exception.message': 'error.message',
  'exception.stacktrace': 'error.stack_trace',
  'http.status_code': 'http.response.status_code',
  'http.method': 'http.request.method',
  'http.target': 'url.original',
  'net.peer.ip': 'source.ip',
  'client.address': 'client.address',
  'enduser.id': 'user.id',
  'code.filepath': 'log.origin.file.name',
  'code.function': 'log.origin.function',
  'code.lineno': 'log.origin.file.line',
  'thread.name': 'process.thread.name',
  'thread.id': 'process.thread.id',
}

/** Names that ECS has at their top level; other attributes are kept as labels, so that they clash with nothing. */
const known = new Set([
  ...[
    'agent',
    'client',
    'cloud',
    'code',
    'container',
    'data_stream',
    'db',
    'destination',
    'device',
    'dns',
    'email',
    'error',
  ],
  ...[
    'event',
    'faas',
    'file',
    'group',
    'guanlan',
    'host',
    'http',
    'kubernetes',
    'labels',
    'log',
    'messaging',
    'network',
  ],
  ...[
    'observer',
    'orchestrator',
    'organization',
    'os',
    'package',
    'process',
    'rpc',
    'rule',
    'server',
    'service',
    'session',
  ],
  ...['source', 'tags', 'telemetry', 'threat', 'tls', 'trace', 'url', 'user', 'user_agent', 'vulnerability'],
])

export function ecsFields(attributes: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(attributes)) fields[ecsName(name)] = value
  return fields
}

function ecsName(name: string): string {
  if (Object.hasOwn(renamed, name)) return renamed[name]!
  const [top] = name.split('.', 1) as [string]
  return name.includes('.') && known.has(top) ? name : `labels.${name}`
}
