// The ops centre's files, read once: they are few, and what is served cannot change under a running page.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { App } from './endpoint.ts'

interface File {
  bytes: Uint8Array<ArrayBuffer>
  /** Made when it is asked for, once. */
  gzip(): Uint8Array<ArrayBuffer> | undefined
  type: string
}

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  webmanifest: 'application/manifest+json',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
  woff2: 'font/woff2',
  txt: 'text/plain; charset=utf-8',
}

export interface StaticFiles {
  /** Texts of the inline scripts of the page, for the policy. */
  inlineScripts: string[]
  mount(app: App): void
}

/** @param directory where `npm run build:web` puts its files */
export function readStatic(directory: string): StaticFiles {
  const files = new Map<string, File>()
  if (existsSync(directory))
    for (const path of walk(directory, '')) files.set(`/${path}`, readFile(join(directory, path)))
  const page = files.get('/index.html')
  const html = page ? new TextDecoder().decode(page.bytes) : ''
  const inlineScripts = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    (match) => match[1]!,
  )
  return {
    inlineScripts,
    mount: (app) => {
      app.get('/*', (context) => {
        const { pathname } = new URL(context.req.url)
        const isApi = /^\/(api|feeds|elastic)(\/|$)/.test(pathname)
        // Every other path is a page of the ops centre, whose router is in the browser.
        const file = files.get(pathname) ?? (isApi || /\.[a-z0-9]+$/i.test(pathname) ? undefined : page)
        if (!file) return context.notFound()
        const headers: Record<string, string> = { 'Content-Type': file.type, Vary: 'Accept-Encoding' }
        // SvelteKit puts a hash into the names below here.
        headers['Cache-Control'] = pathname.startsWith('/_app/immutable/')
          ? 'public, max-age=31536000, immutable'
          : 'no-cache'
        const gzip = /\bgzip\b/.test(context.req.header('accept-encoding') ?? '') ? file.gzip() : undefined
        if (gzip) return new Response(gzip, { headers: { ...headers, 'Content-Encoding': 'gzip' } })
        return new Response(file.bytes, { headers })
      })
    },
  }
}

function* walk(root: string, below: string): Generator<string> {
  for (const name of readdirSync(join(root, below))) {
    const path = below === '' ? name : `${below}/${name}`
    if (statSync(join(root, path)).isDirectory()) yield* walk(root, path)
    else yield path
  }
}

function readFile(path: string): File {
  const bytes = new Uint8Array(readFileSync(path))
  const extension = path.split('.').at(-1) ?? ''
  const isWorthIt = /^(html|js|css|json|svg|txt|webmanifest)$/.test(extension) && bytes.length > 1024
  let made: Uint8Array<ArrayBuffer> | undefined
  const gzip = (): typeof made => (made ??= isWorthIt ? new Uint8Array(gzipSync(bytes)) : undefined)
  return { bytes, gzip, type: types[extension] ?? 'application/octet-stream' }
}
