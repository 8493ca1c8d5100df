// The script of docs/collectors/http-mirror.md in a real nginx with njs: clients get what the backend answers, and the
// observatory looks into it, whether it is quick, slow or gone.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { silentLogger } from '#core/logger.ts'
import { createInspector } from '#security/sensitive/body/inspector.ts'
import { readDictionary } from '#security/sensitive/dictionary.ts'
import { synthetic } from '#security/sensitive/testing.ts'
import { createRecorder, until } from '../recorder.ts'
import { serveRoutes } from '../serve-routes.ts'
import { createHttpMirror, httpMirrorConfigSchema } from './collector.ts'
import { nginx, njsModule, startMirroringNginx } from './testing.ts'

const make = synthetic(11)
const inspector = createInspector(
  {
    ...{ dictionary: readDictionary('rules/dlp/kinds.yml'), key: Buffer.alloc(32, 9), inspectMsMax: 10_000 },
    ...{ expandedBytesMax: 8_000_000, expected: [] },
  },
  { logger: silentLogger },
)
afterAll(() => inspector.close())

const id = make.residentId()
/** Echoes what it was asked, with a number in each answer. */
const backend: Parameters<typeof startMirroringNginx>[2] = {
  isScripted: true,
  backend: (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const isMissing = request.url?.startsWith('/missing') === true
      response.writeHead(isMissing ? 404 : 200, {
        'content-type': 'application/json',
        'set-cookie': ['a=1', 'b=2'],
      })
      const body = Buffer.concat(parts).toString()
      response.end(JSON.stringify({ idCard: id, method: request.method, url: request.url, body }))
    })
  },
}

describe.skipIf(!nginx || !njsModule)('nginx with njs (needs nginx and libnginx-mod-http-js)', () => {
  it('answers as the backend does, and tells of each answer', async () => {
    const recorder = createRecorder()
    recorder.deps.inspector = inspector
    const served = await serveRoutes(createHttpMirror(httpMirrorConfigSchema.parse({}), recorder.deps))
    const gateway = await startMirroringNginx(served.url, 'gl_none', backend)
    try {
      const ask = async (path: string, more: RequestInit = {}) => {
        const response = await fetch(gateway.url + path, more)
        const answer = (await response.json()) as { method: string; url: string; body: string }
        return { status: response.status, cookies: response.headers.getSetCookie(), ...answer }
      }
      expect(await ask('/a%20b/%E5%BC%A0?x=1&y=%E5%BC%A0')).toMatchObject({
        ...{ status: 200, cookies: ['a=1', 'b=2'], method: 'GET', url: '/a%20b/%E5%BC%A0?x=1&y=%E5%BC%A0' },
      })
      const text = 'hello '.repeat(20_000)
      expect(await ask('/post', { method: 'POST', body: text })).toMatchObject({ method: 'POST', body: text })
      expect(await ask('/missing')).toMatchObject({ status: 404 })
      const answers = () =>
        recorder.events.filter(({ fields }) => fields?.['guanlan.sensitive.direction'] === 'response')
      await until(() => answers().some(({ fields }) => fields?.['url.path'] === '/missing'), 'the last is told of')
      expect(answers()[0]!.fields).toMatchObject({ 'http.request.method': 'GET', 'source.ip': '127.0.0.1' })
      expect(JSON.stringify(recorder.events)).not.toContain(id)
    } finally {
      await gateway.stop()
      await served.close()
    }
  })

  it('goes on answering when the observatory is gone', async () => {
    const gateway = await startMirroringNginx('http://127.0.0.1:9', 'gl_none', backend)
    try {
      for (let i = 0; i < 20; i++) {
        const response = await fetch(`${gateway.url}/x?i=${i}`)
        expect(response.status).toBe(200)
        await response.text()
        await sleep(1)
      }
    } finally {
      await gateway.stop()
    }
  })
})
