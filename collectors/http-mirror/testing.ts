// A real nginx in front of a backend, mirroring to an observatory as docs/collectors/http-mirror.md says it.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endProcess } from '#tests/end-process.ts'

/** Where it is, if it is. */
export const nginx = ['/usr/sbin/nginx', 'nginx'].find((path) => {
  try {
    execFileSync(path, ['-v'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})

/** Debian's libnginx-mod-http-js, if it is there. */
export const njsModule = [
  '/usr/lib/nginx/modules/ngx_http_js_module.so',
  '/usr/share/nginx/modules/ngx_http_js_module.so',
].find((path) => existsSync(path))

/** The script that the documentation gives, word for word. */
function documentedScript(): string {
  const page = readFileSync('docs/collectors/http-mirror.md', 'utf8')
  return /```js\n([\s\S]*?)```/.exec(page)![1]!
}

export async function startMirroringNginx(
  observatory: string,
  token = 'gl_none',
  /** Responses as well, by njs. */
  { isScripted = false, backend: answer = okAnswer }: { isScripted?: boolean; backend?: RequestListener } = {},
): Promise<{ url: string; stop(): Promise<void> }> {
  const backend = createServer(answer)
  const backendPort = await listening(backend)
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), 'guanlan-nginx-'))
  const file = join(directory, 'nginx.conf')
  const places = { directory, port, backendPort, observatory, token }
  if (isScripted) writeFileSync(join(directory, 'guanlan.js'), documentedScript())
  writeFileSync(file, configuration(places, isScripted ? scripted(places) : mirroring(places), isScripted))
  const running = spawn(nginx!, ['-p', directory, '-c', file, '-g', 'daemon off;'], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await fetch(`${url}/up`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isUp) break
    await sleep(50)
  }
  return {
    url,
    stop: async () => {
      await endProcess(running)
      backend.close()
      backend.closeAllConnections()
      rmSync(directory, { recursive: true })
    },
  }
}

const okAnswer: RequestListener = (request, response) => {
  request.resume().on('end', () => response.end('ok'))
}

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))

async function freePort(): Promise<number> {
  const server = createTcpServer()
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
  await new Promise((resolve) => server.close(resolve))
  return port
}

interface Places {
  directory: string
  port: number
  backendPort: number
  observatory: string
  token: string
}

const configuration = ({ directory, port }: Places, locations: string, isScripted: boolean): string => `
${isScripted ? `load_module ${njsModule};` : ''}
${process.getuid?.() === 0 ? '# Its files are ours.\nuser root;' : ''}
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  ${isScripted ? `js_path ${directory}; js_import guanlan from guanlan.js; subrequest_output_buffer_size 8m;` : ''}
  server {
    listen 127.0.0.1:${port};
${locations}
  }
}
`

const scripted = ({ backendPort, observatory, token }: Places): string => `
    location / {
      client_body_buffer_size 1m;
      js_content guanlan.pass;
    }
    location /_upstream/ {
      internal;
      proxy_pass http://127.0.0.1:${backendPort}/;
    }
    location = /_guanlan_tell {
      internal;
      proxy_pass ${observatory}/api/ingest/mirror;
      proxy_set_header Authorization "Bearer ${token}";
      proxy_set_header Content-Type application/json;
      proxy_set_header Cookie "";
      proxy_connect_timeout 200ms;
      proxy_send_timeout 1s;
      proxy_read_timeout 1s;
    }`

const mirroring = ({ backendPort, observatory, token }: Places): string => `
    location / {
      mirror /_guanlan;
      mirror_request_body on;
      proxy_pass http://127.0.0.1:${backendPort};
    }
    location = /_guanlan {
      internal;
      proxy_pass ${observatory}/api/ingest/mirror/request;
      proxy_set_header X-Original-URI $request_uri;
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Original-Host $host;
      proxy_set_header X-Original-Server $hostname;
      proxy_set_header X-Original-User $remote_user;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header Authorization "Bearer ${token}";
      proxy_set_header Cookie "";
      proxy_connect_timeout 200ms;
      proxy_send_timeout 1s;
      proxy_read_timeout 1s;
    }`
